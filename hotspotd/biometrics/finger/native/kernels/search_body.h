/* Search by short codes: what is compiled once for each instruction set. search.c says what for. */

#include "target.h"

#ifndef HF_SKIP

#if defined(HF_FOR_AVX512)
#include <immintrin.h>
#endif

/* Words of the first `wanted` of n minutiae (1/16 px, 1/256 turn). */
static void HF_NAME(encode)(const hf_projection *by, int n, const uint16_t *x, const uint16_t *y, const uint8_t *angle,
                            int wanted, uint64_t *words)
{
    int32_t row[HF_MOST_MINUTIAE];
    int16_t sum[HF_COLUMNS];
    for (int i = 0; i < wanted; i++) {
        const int32_t at_x = x[i], at_y = y[i], at = angle[i];
        const int32_t c = by->cosine[at], s = by->cosine[(at - 64) & 255];
        for (int j = 0; j < n; j++) {
            const int32_t dx = x[j] - at_x, dy = y[j] - at_y;
            /* Beyond the reach the quotients are large, also where the difference was negative. */
            const uint32_t along = (uint32_t)(((c * dx + s * dy) >> 14) + HF_REACH) / HF_CELL;
            const uint32_t across = (uint32_t)(((c * dy - s * dx) >> 14) + HF_REACH) / HF_CELL;
            const int32_t sector = ((at - angle[j] + 128 / HF_SECTORS) & 255) / (256 / HF_SECTORS);
            const int32_t cell = (int32_t)((along & (HF_SIDE - 1)) * HF_SIDE + (across & (HF_SIDE - 1)));
            row[j] = along < HF_SIDE && across < HF_SIDE && j != i ? cell * HF_SECTORS + sector : -1;
        }
        for (int k = 0; k < HF_COLUMNS; k++)
            sum[k] = by->bias[k];
        for (int j = 0; j < n; j++) {
            const int32_t cell = row[j] < 0 ? -1 : by->cells[row[j] / HF_SECTORS];
            if (cell < 0)
                continue;
            const int8_t *add = by->table + (cell * HF_SECTORS + row[j] % HF_SECTORS) * HF_COLUMNS;
            for (int k = 0; k < HF_COLUMNS; k++)
                sum[k] = (int16_t)(sum[k] + add[k]);
        }
        uint64_t word = (uint64_t)(((at + 2) & 255) >> 2) << HF_CODE_BITS;
        for (int k = 0; k < HF_CODE_BITS; k++)
            word |= (uint64_t)(sum[k] > 0) << k;
        words[i] = word;
    }
}

/* For each of `count` words of the probe, a multiple of 8, the nearest of n: distance << 8 | its number. */
static inline void HF_NAME(nearest)(const uint64_t *restrict probe, int count, const uint64_t *restrict words, int n,
                                    uint64_t *restrict found)
{
    const uint64_t code = ((uint64_t)1 << HF_CODE_BITS) - 1;
#if defined(HF_FOR_AVX512)
    /* The loop below takes twice the time, whatever the compiler is told. */
    const __m512i mask = _mm512_set1_epi64((long long)code);
    for (int i = 0; i < count; i += 32) {
        __m512i mine[4], best[4];
        for (int k = 0; k < 4; k++) {
            mine[k] = _mm512_loadu_si512(probe + (i + 8 * k < count ? i + 8 * k : i));
            best[k] = _mm512_set1_epi64(0xffff);
        }
        for (int j = 0; j < n; j++) {
            const __m512i word = _mm512_set1_epi64((long long)words[j]), number = _mm512_set1_epi64(j);
            for (int k = 0; k < 4; k++) {
                /* (mine ^ word) & mask */
                const __m512i differ = _mm512_ternarylogic_epi64(mine[k], word, mask, 0x28);
                const __m512i distance = _mm512_slli_epi64(_mm512_popcnt_epi64(differ), 8);
                best[k] = _mm512_min_epu32(best[k], _mm512_or_si512(distance, number));
            }
        }
        for (int k = 0; k < 4 && i + 8 * k < count; k++)
            _mm512_storeu_si512(found + i + 8 * k, best[k]);
    }
#else
    for (int i = 0; i < count; i += 8) {
        uint64_t best[8];
        for (int k = 0; k < 8; k++)
            best[k] = UINT64_MAX;
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < 8; k++) {
                const uint64_t differ = (probe[i + k] ^ words[j]) & code;
                const uint64_t key = (uint64_t)__builtin_popcountll(differ) << 8 | (uint64_t)j;
                best[k] = key < best[k] ? key : best[k];
            }
        }
        for (int k = 0; k < 8; k++)
            found[i + k] = best[k];
    }
#endif
}

static inline int HF_NAME(padded)(const hf_searched *probe, uint64_t *words)
{
    const int count = (probe->count + 7) / 8 * 8;
    for (int i = 0; i < count; i++)
        words[i] = probe->words[i < probe->count ? i : 0];
    return count;
}

/* First level: how much of the probe finds a like neighbourhood under one turn, for the references from..to. */
static void HF_NAME(scan)(const hf_searched *probe, const hf_coded *in, const uint8_t *wanted, int64_t from, int64_t to,
                          int32_t *scores)
{
    uint64_t mine[HF_MOST_CODED], found[HF_MOST_CODED];
    const int count = HF_NAME(padded)(probe, mine);
    for (int64_t r = from; r < to; r++) {
        scores[r - from] = -1;
        if ((wanted && !wanted[r]) || !in->count[r])
            continue;
        const uint64_t *words = in->words + in->start[r];
        HF_NAME(nearest)(mine, count, words, in->count[r], found);
        int32_t votes[HF_TURNS + 2] = {0};
        for (int i = 0; i < probe->count; i++) {
            const uint64_t turn = ((words[found[i] & 255] >> HF_CODE_BITS) - (mine[i] >> HF_CODE_BITS)) & 63;
            votes[turn / (64 / HF_TURNS)] += probe->worth[found[i] >> 8];
        }
        votes[HF_TURNS] = votes[0];
        votes[HF_TURNS + 1] = votes[1];
        int32_t most = 0;
        for (int t = 0; t < HF_TURNS; t++) {
            const int32_t sum = votes[t] + votes[t + 1] + votes[t + 2];
            most = sum > most ? sum : most;
        }
        scores[r - from] = most;
    }
}

/* Second level: of the pairs of likest neighbourhoods, the greatest worth that fits one turn and shift. */
static int32_t HF_NAME(fit)(const int32_t *cosine, const hf_searched *probe, const uint64_t *words, const int8_t *places,
                            int n)
{
    uint64_t mine[HF_MOST_CODED], found[HF_MOST_CODED];
    int32_t ax[HF_MOST_CODED], ay[HF_MOST_CODED], bx[HF_MOST_CODED], by_y[HF_MOST_CODED];
    int32_t turn[HF_MOST_CODED], worth[HF_MOST_CODED];
    HF_NAME(nearest)(mine, HF_NAME(padded)(probe, mine), words, n, found);
    int pairs = 0;
    for (int i = 0; i < probe->count; i++) {
        const int j = (int)(found[i] & 255);
        worth[pairs] = probe->fine[found[i] >> 8];
        ax[pairs] = probe->places[2 * i];
        ay[pairs] = probe->places[2 * i + 1];
        bx[pairs] = places[2 * j];
        by_y[pairs] = places[2 * j + 1];
        turn[pairs] = (int32_t)(((words[j] >> HF_CODE_BITS) - (mine[i] >> HF_CODE_BITS)) & 63);
        pairs += worth[pairs] > 0;
    }
    int32_t most = 0;
    for (int s = 0; s < pairs; s++) {
        const int32_t c = cosine[4 * turn[s]], d = cosine[(4 * turn[s] - 64) & 255];
        const int32_t ax_s = ax[s], ay_s = ay[s], bx_s = bx[s], by_s = by_y[s], turn_s = turn[s];
        int32_t sum = 0;
        for (int p = 0; p < pairs; p++) {
            const int32_t dx = ax[p] - ax_s, dy = ay[p] - ay_s;
            /* 1/16 units */
            const int32_t ex = 16 * (bx[p] - bx_s) - ((c * dx - d * dy) >> 10);
            const int32_t ey = 16 * (by_y[p] - by_s) - ((d * dx + c * dy) >> 10);
            const int32_t off = (turn[p] - turn_s + 32) & 63;
            const int32_t allowed = HF_GAP + HF_SLOPE * (dx * dx + dy * dy), gap = ex * ex + ey * ey;
            const int32_t straight = off > 32 - HF_TWIST && off < 32 + HF_TWIST ? worth[p] : 0;
            const int32_t near = (gap < allowed) + (2 * gap < allowed) + (4 * gap < allowed);
            sum += straight * near;
        }
        most = sum > most ? sum : most;
    }
    return most;
}

#endif
