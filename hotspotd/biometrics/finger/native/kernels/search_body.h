/* Search by short codes: what is compiled once for each instruction set. See search.c for the meaning. */

#include "target.h"

#ifndef HF_SKIP

#include <string.h>

#if defined(HF_FOR_AVX512)
#include <immintrin.h>
#endif

static inline int HF_NAME(bits)(uint64_t word)
{
#if defined(HF_FOR_BASELINE) && defined(__x86_64__)
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int)((word * 0x0101010101010101u) >> 56);
#else
    return __builtin_popcountll(word);
#endif
}

/* Codes of the first `wanted` of n minutiae, `words` words each, from the first 64*words columns of the table. */
static void HF_NAME(encode)(const hf_projection *by, int n, const uint16_t *x, const uint16_t *y, const uint8_t *angle,
                            int wanted, int words, uint64_t *codes)
{
    const int columns = 64 * words;
    int16_t sum[64 * HF_WORDS];
    for (int i = 0; i < wanted; i++) {
        const int32_t c = by->turns[angle[i]], s = by->turns[(angle[i] - 64) & 255];
        memcpy(sum, by->bias, sizeof(int16_t) * (size_t)columns);
        for (int j = 0; j < n; j++) {
            const int32_t dx = x[j] - x[i], dy = y[j] - y[i];
            const int32_t along = ((c * dx + s * dy) >> 14) + HF_REACH, across = ((c * dy - s * dx) >> 14) + HF_REACH;
            if (j == i || (uint32_t)along >= 2 * HF_REACH || (uint32_t)across >= 2 * HF_REACH)
                continue;
            const int cell = by->cells[along / HF_CELL * HF_SIDE + across / HF_CELL];
            if (cell < 0)
                continue;
            const int sector = ((angle[i] - angle[j] + HF_SECTOR / 2) & 255) / HF_SECTOR;
            const int8_t *row = by->table + ((size_t)cell * (256 / HF_SECTOR) + (size_t)sector) * by->columns;
            for (int k = 0; k < columns; k++)
                sum[k] = (int16_t)(sum[k] + row[k]);
        }
        for (int w = 0; w < words; w++) {
            uint64_t word = 0;
            for (int k = 0; k < 64; k++)
                word |= (uint64_t)(sum[64 * w + k] > 0) << k;
            codes[i * words + w] = word;
        }
    }
}

/* The nearest of a reference's n codes for each of the probe's, as distance << 8 | place. */
static inline void HF_NAME(nearest)(const uint64_t *probe, int groups, const uint64_t *codes, int n, uint64_t *out)
{
#if defined(HF_FOR_AVX512)
    for (int from = 0; from < groups; from += 8) {
        const int here = groups - from < 8 ? groups - from : 8;
        __m512i mine[8], best[8];
        for (int k = 0; k < 8; k++) {
            mine[k] = _mm512_loadu_si512(probe + 8 * (from + (k < here ? k : 0)));
            best[k] = _mm512_set1_epi64(-1);
        }
#define HF_STEP(K)                                                                                                     \
    best[K] = _mm512_min_epu64(                                                                                        \
        best[K], _mm512_or_epi64(_mm512_slli_epi64(_mm512_popcnt_epi64(_mm512_xor_epi64(mine[K], other)), 8), place))
#define HF_LOOP(BODY)                                                                                                  \
    for (int j = 0; j < n; j++) {                                                                                      \
        const __m512i other = _mm512_set1_epi64((long long)codes[j]), place = _mm512_set1_epi64(j);                    \
        BODY;                                                                                                          \
    }
        switch (here) {
        case 1: HF_LOOP(HF_STEP(0)) break;
        case 2: HF_LOOP(HF_STEP(0); HF_STEP(1)) break;
        case 3: HF_LOOP(HF_STEP(0); HF_STEP(1); HF_STEP(2)) break;
        case 4: HF_LOOP(HF_STEP(0); HF_STEP(1); HF_STEP(2); HF_STEP(3)) break;
        case 5: HF_LOOP(HF_STEP(0); HF_STEP(1); HF_STEP(2); HF_STEP(3); HF_STEP(4)) break;
        case 6: HF_LOOP(HF_STEP(0); HF_STEP(1); HF_STEP(2); HF_STEP(3); HF_STEP(4); HF_STEP(5)) break;
        case 7: HF_LOOP(HF_STEP(0); HF_STEP(1); HF_STEP(2); HF_STEP(3); HF_STEP(4); HF_STEP(5); HF_STEP(6)) break;
        default:
            HF_LOOP(HF_STEP(0); HF_STEP(1); HF_STEP(2); HF_STEP(3); HF_STEP(4); HF_STEP(5); HF_STEP(6); HF_STEP(7))
        }
        for (int k = 0; k < here; k++)
            _mm512_storeu_si512(out + 8 * (from + k), best[k]);
    }
#undef HF_LOOP
#undef HF_STEP
#else
    for (int i = 0; i < 8 * groups; i++) {
        uint64_t best = UINT64_MAX;
        for (int j = 0; j < n; j++) {
            const uint64_t key = (uint64_t)HF_NAME(bits)(probe[i] ^ codes[j]) << 8 | (uint64_t)j;
            best = key < best ? key : best;
        }
        out[i] = best;
    }
#endif
}

/* First level: of each reference, how much of the probe finds a like neighbourhood under one common turn. */
static void HF_NAME(scan)(const hf_probe *probe, const hf_references *in, const uint8_t *wanted, int64_t from,
                          int64_t to, int32_t *scores)
{
    const int n = probe->count < HF_LONGEST ? probe->count : HF_LONGEST;
    const int groups = (n + 7) / 8;
    uint64_t mine[HF_LONGEST], found[HF_LONGEST];
    for (int i = 0; i < 8 * groups; i++)
        mine[i] = probe->first[i < n ? i : 0];
    for (int64_t r = from; r < to; r++) {
        const int coded = in->coded[r];
        if ((wanted && !wanted[r]) || coded == 0) {
            scores[r - from] = -1;
            continue;
        }
        const uint8_t *angle = in->angle + in->start[r];
        HF_NAME(nearest)(mine, groups, in->codes + in->code_start[r], coded, found);
        int32_t votes[HF_TURNS + 2] = {0};
        for (int i = 0; i < n; i++) {
            const int turn = (uint8_t)(angle[found[i] & 255] - probe->angle[i]) / (256 / HF_TURNS);
            votes[turn] += probe->worth[found[i] >> 8];
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

/* Places of the three least distances of a probe's code among n. */
static inline int HF_NAME(nearest_few)(const uint64_t *code, const uint64_t *codes, int n, uint32_t *out)
{
    uint32_t first = UINT32_MAX, second = UINT32_MAX;
    for (int j = 0; j < n; j++) {
        int distance = 0;
        for (int w = 0; w < HF_WORDS; w++)
            distance += HF_NAME(bits)(code[w] ^ codes[HF_WORDS * j + w]);
        const uint32_t key = (uint32_t)distance << 8 | (uint32_t)j;
        const uint32_t worse = key > first ? key : first;
        first = key < first ? key : first;
        second = worse < second ? worse : second;
    }
    out[0] = first;
    out[1] = second;
    return n < 2 ? n : 2;
}

/* Second level: pairs of minutiae with like neighbourhoods, and the greatest weight of them that fit one placement. */
static int32_t HF_NAME(fit)(const hf_projection *by, const hf_probe *probe, int n, const uint16_t *x,
                            const uint16_t *y, const uint8_t *angle)
{
    uint64_t codes[HF_LONGEST * HF_WORDS];
    float ax[2 * HF_LONGEST], ay[2 * HF_LONGEST], bx[2 * HF_LONGEST], by_[2 * HF_LONGEST], turn[2 * HF_LONGEST];
    float weight[2 * HF_LONGEST], cosine[2 * HF_LONGEST], sine[2 * HF_LONGEST];
    int count = 0;
    if (n > HF_LONGEST)
        n = HF_LONGEST;
    HF_NAME(encode)(by, n, x, y, angle, n, HF_WORDS, codes);
    for (int i = 0; i < probe->count; i++) {
        uint32_t found[2];
        const int few = HF_NAME(nearest_few)(probe->second + HF_WORDS * i, codes, n, found);
        for (int k = 0; k < few; k++) {
            const int distance = (int)(found[k] >> 8), j = (int)(found[k] & 255);
            const int32_t worth = probe->fine_worth[distance];
            if (worth <= 0)
                continue;
            const uint8_t by_turn = (uint8_t)(angle[j] - probe->angle[i]);
            ax[count] = probe->x[i] * (1.0f / 16);
            ay[count] = probe->y[i] * (1.0f / 16);
            bx[count] = x[j] * (1.0f / 16);
            by_[count] = y[j] * (1.0f / 16);
            turn[count] = by_turn;
            cosine[count] = (float)by->turns[by_turn] * (1.0f / 16384);
            sine[count] = (float)by->turns[(uint8_t)(by_turn - 64)] * (1.0f / 16384);
            weight[count] = (float)worth;
            count++;
        }
    }
    float most = 0;
    for (int s = 0; s < count; s++) {
        float sum = 0;
        for (int p = 0; p < count; p++) {
            const float dx = ax[p] - ax[s], dy = ay[p] - ay[s];
            const float ex = bx[p] - bx[s] - (cosine[s] * dx - sine[s] * dy);
            const float ey = by_[p] - by_[s] - (sine[s] * dx + cosine[s] * dy);
            float off = turn[p] - turn[s];
            off = off < 0 ? -off : off;
            off = off > 128 ? 256 - off : off;
            const float reach = dx * dx + dy * dy, gap = ex * ex + ey * ey;
            const float allowed = HF_GAP * HF_GAP + HF_SLOPE * HF_SLOPE * reach;
            const float near = 1 - gap / allowed, straight = 1 - off * (1.0f / HF_TWIST);
            sum += near > 0 && straight > 0 ? weight[p] * near : 0;
        }
        sum += 0 * weight[s];
        most = sum > most ? sum : most;
    }
    return (int32_t)most;
}

#endif
