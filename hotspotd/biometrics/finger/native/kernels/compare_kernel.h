/* One comparison, from prepared prints to evidence; compiled once for each instruction set. comparison.py says what
 * each step is for and does the same in numpy.
 */
#include "compare.h"
#include "score.h"
#include "vector_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 0.0245436926f /* 2 pi / 256 */
#define PI 3.14159265f
#define MOST_TURN 64       /* [1/256 turn] */
#define LEAST_COMMON 77    /* of 256 cells: 30 % */
#define ROUNDS 5
#define KEEP 0.65f
#define SEEDS 4
#define FAR_PX 25.0f
#define FAR_TURN 40
#define FAR_RAD 1.0f
#define MOST_NEAR 2048

typedef struct {
    int row, column;
    float twist;
} near_pair;

typedef struct {
    int32_t key[HF_MOST * HF_MOST]; /* similarities as ordered bits */
    float support[HF_MOST_PAIRS * HF_MOST_PAIRS];
    /* The best pairs. */
    int pairs, padded;
    int row[HF_MOST_PAIRS], column[HF_MOST_PAIRS];
    float first[HF_MOST_PAIRS], relaxed[HF_MOST_PAIRS];
    float ax[HF_MOST_PAIRS], ay[HF_MOST_PAIRS], bx[HF_MOST_PAIRS], by[HF_MOST_PAIRS];
    int32_t a_direction[HF_MOST_PAIRS], b_direction[HF_MOST_PAIRS];
    /* One alignment. */
    near_pair near[MOST_NEAR];
    int nears;
    float mx[HF_MOST], my[HF_MOST], wx[HF_MOST], wy[HF_MOST];
} scratch;

typedef struct {
    /* Seen from the seed's two minutiae: b = to + stretch (a - from) + shift, about a turn. */
    float turn, stretch[4], shift_x, shift_y;
    float from_x, from_y, to_x, to_y;
    float weight;
    int paired;
    int row[HF_MOST], column[HF_MOST];
    float gap[HF_MOST], twist[HF_MOST];
    float wx[HF_MOST], wy[HF_MOST];
} laid;

static inline float float_of(int32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline int32_t bits_of(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#if defined(HF_FOR_AVX512)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#elif !defined(HF_FOR_AVX2)
static inline uint32_t bits_set(uint64_t v)
{
    v = v - ((v >> 1) & 0x5555555555555555ull);
    v = (v & 0x3333333333333333ull) + ((v >> 2) & 0x3333333333333333ull);
    return (uint32_t)((((v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull) >> 56);
}
#else
static inline uint32_t bits_set(uint64_t v) { return (uint32_t)__builtin_popcountll(v); }
#endif

/* Counts of set bits of minutia `a` (a column of its group) with each of a group `b`: in both; of a where b is known; of
 * b where a is known; known to both.
 */
static inline void count_bits(const uint64_t *restrict a, const uint64_t *restrict b, int32_t *restrict both,
                              int32_t *restrict own, int32_t *restrict other, int32_t *restrict common)
{
#if defined(HF_FOR_AVX512)
    __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma GCC unroll 1
    for (int m = 0; m < HF_MASK_WORDS; m++) {
        __m512i a_known = _mm512_set1_epi64((long long)a[(HF_BIT_WORDS + m) * HF_LANES]);
        __m512i b_known = _mm512_loadu_si512(b + (HF_BIT_WORDS + m) * HF_LANES);
        sum[3] = _mm512_add_epi64(sum[3], _mm512_popcnt_epi64(_mm512_and_si512(a_known, b_known)));
        for (int w = m; w < HF_BIT_WORDS; w += HF_MASK_WORDS) {
            __m512i left = _mm512_set1_epi64((long long)a[w * HF_LANES]);
            __m512i right = _mm512_loadu_si512(b + w * HF_LANES);
            sum[0] = _mm512_add_epi64(sum[0], _mm512_popcnt_epi64(_mm512_and_si512(left, right)));
            sum[1] = _mm512_add_epi64(sum[1], _mm512_popcnt_epi64(_mm512_and_si512(left, b_known)));
            sum[2] = _mm512_add_epi64(sum[2], _mm512_popcnt_epi64(_mm512_and_si512(right, a_known)));
        }
    }
    _mm256_storeu_si256((__m256i *)both, _mm512_cvtepi64_epi32(sum[0]));
    _mm256_storeu_si256((__m256i *)own, _mm512_cvtepi64_epi32(sum[1]));
    _mm256_storeu_si256((__m256i *)other, _mm512_cvtepi64_epi32(sum[2]));
    _mm256_storeu_si256((__m256i *)common, _mm512_cvtepi64_epi32(sum[3]));
#elif defined(__aarch64__)
    int32_t *out[4] = {both, own, other, common};
    for (int two = 0; two < HF_LANES; two += 2) {
        /* At most 8 in each byte for each of 16 words: no byte overflows. */
        uint8x16_t sum[4] = {vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0)};
        for (int m = 0; m < HF_MASK_WORDS; m++) {
            uint8x16_t a_known = vreinterpretq_u8_u64(vdupq_n_u64(a[(HF_BIT_WORDS + m) * HF_LANES]));
            uint8x16_t b_known = vreinterpretq_u8_u64(vld1q_u64(b + (HF_BIT_WORDS + m) * HF_LANES + two));
            sum[3] = vaddq_u8(sum[3], vcntq_u8(vandq_u8(a_known, b_known)));
            for (int w = m; w < HF_BIT_WORDS; w += HF_MASK_WORDS) {
                uint8x16_t left = vreinterpretq_u8_u64(vdupq_n_u64(a[w * HF_LANES]));
                uint8x16_t right = vreinterpretq_u8_u64(vld1q_u64(b + w * HF_LANES + two));
                sum[0] = vaddq_u8(sum[0], vcntq_u8(vandq_u8(left, right)));
                sum[1] = vaddq_u8(sum[1], vcntq_u8(vandq_u8(left, b_known)));
                sum[2] = vaddq_u8(sum[2], vcntq_u8(vandq_u8(right, a_known)));
            }
        }
        for (int k = 0; k < 4; k++) {
            uint64x2_t total = vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(sum[k])));
            out[k][two] = (int32_t)vgetq_lane_u64(total, 0);
            out[k][two + 1] = (int32_t)vgetq_lane_u64(total, 1);
        }
    }
#else
    for (int l = 0; l < HF_LANES; l++) {
        uint32_t sum[4] = {0};
        for (int m = 0; m < HF_MASK_WORDS; m++) {
            uint64_t a_known = a[(HF_BIT_WORDS + m) * HF_LANES], b_known = b[(HF_BIT_WORDS + m) * HF_LANES + l];
            sum[3] += bits_set(a_known & b_known);
            for (int w = m; w < HF_BIT_WORDS; w += HF_MASK_WORDS) {
                uint64_t left = a[w * HF_LANES], right = b[w * HF_LANES + l];
                sum[0] += bits_set(left & right);
                sum[1] += bits_set(left & b_known);
                sum[2] += bits_set(right & a_known);
            }
        }
        both[l] = (int32_t)sum[0];
        own[l] = (int32_t)sum[1];
        other[l] = (int32_t)sum[2];
        common[l] = (int32_t)sum[3];
    }
#endif
}

/* Cosines of the set bits in the cells that both know, as ordered bits; 0 where two minutiae are not comparable. */
static void similarities(const hf_print *a, const hf_print *b, int32_t *restrict key)
{
    const uint64_t *of_a = hf_cylinders(a), *of_b = hf_cylinders(b);
    const uint8_t *usable_b = hf_usable(b);
    int32_t both[HF_MOST], own[HF_MOST], other[HF_MOST], common[HF_MOST], ok[HF_MOST], turned[HF_MOST];
    int stride = b->padded;
    for (int j = 0; j < stride; j++) {
        /* So far off that nothing comes within a quarter turn. */
        turned[j] = usable_b[j] ? hf_direction(b)[j] : 1 << 20;
        both[j] = own[j] = other[j] = common[j] = 0;
    }
    for (int i = 0; i < a->count; i++) {
        int32_t *restrict at = key + i * stride;
        if (!hf_usable(a)[i]) {
            memset(at, 0, sizeof *at * (size_t)stride);
            continue;
        }
        const uint64_t *one = of_a + (i / HF_LANES) * HF_WORDS * HF_LANES + i % HF_LANES;
        int32_t turned_a = hf_direction(a)[i];
        for (int j = 0; j < stride; j++) {
            int32_t turn = abs(turned_a - turned[j]);
            ok[j] = -(int32_t)((turn <= MOST_TURN) | ((turn >= 256 - MOST_TURN) & (turn < 256)));
        }
        for (int g = 0; g < b->count; g += HF_LANES) {
            int32_t any = 0;
            for (int l = 0; l < HF_LANES; l++)
                any |= ok[g + l];
            if (any)
                count_bits(one, of_b + g * HF_WORDS, both + g, own + g, other + g, common + g);
        }
        for (int j = 0; j < stride; j++) {
            int32_t product = own[j] * other[j], enough = -(int32_t)(common[j] >= LEAST_COMMON);
            float similar = (float)both[j] / sqrtf((float)(product > 1 ? product : 1));
            at[j] = bits_of(similar) & ok[j] & enough;
        }
    }
}

/* The greatest threshold that fewer than `wanted` of the ordered bits exceed. */
static int32_t threshold_of(const int32_t *restrict bits, int count, int wanted)
{
    int32_t low = -1, high = bits_of(4.0f);
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        int above = 0;
        for (int k = 0; k < count; k++)
            above += bits[k] > middle;
        if (above < wanted)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static float mean_of_top(const float *values, int count, int wanted)
{
    int32_t bits[HF_MOST_PAIRS];
    for (int k = 0; k < count; k++)
        bits[k] = bits_of(values[k]);
    int32_t threshold = threshold_of(bits, count, wanted);
    float sum = 0, above = 0;
    for (int k = 0; k < count; k++)
        if (bits[k] > threshold) {
            sum += values[k];
            above += 1;
        }
    return (sum + ((float)wanted - above) * float_of(threshold)) / (float)wanted;
}

/* The pairs with the greatest similarity among the best two partners of every minutia of either side. */
static void best_pairs(const hf_print *a, const hf_print *b, scratch *s)
{
    int rows = a->count, columns = b->count, stride = b->padded, found = 0;
    int32_t bits[4 * HF_MOST], first_of[HF_MOST], second_of[HF_MOST], one[HF_MOST] = {0}, two[HF_MOST] = {0};
    int16_t row[4 * HF_MOST], column[4 * HF_MOST];
    /* The low eight bits make room for the partner's index, the lower one first. */
    for (int i = 0; i < rows; i++) {
        const int32_t *restrict at = s->key + i * stride;
        int32_t most = 0, next = 0;
        for (int j = 0; j < stride; j++) {
            int32_t by_row = at[j] ? (at[j] & ~255) | (255 - j) : 0, by_column = at[j] ? (at[j] & ~255) | (255 - i) : 0;
            int32_t lesser = by_column < one[j] ? by_column : one[j];
            one[j] = by_column > one[j] ? by_column : one[j];
            two[j] = lesser > two[j] ? lesser : two[j];
            most = by_row > most ? by_row : most;
        }
        for (int j = 0; j < stride; j++) {
            int32_t by_row = at[j] ? (at[j] & ~255) | (255 - j) : 0;
            by_row = by_row == most ? 0 : by_row;
            next = by_row > next ? by_row : next;
        }
        first_of[i] = most ? 255 - (most & 255) : -1;
        second_of[i] = next ? 255 - (next & 255) : -1;
        for (int k = 0; k < 2; k++) {
            int j = k ? second_of[i] : first_of[i];
            if (j >= 0) {
                bits[found] = at[j];
                row[found] = (int16_t)i;
                column[found++] = (int16_t)j;
            }
        }
    }
    for (int j = 0; j < columns; j++)
        for (int k = 0; k < 2; k++) {
            int32_t chosen = k ? two[j] : one[j];
            int i = 255 - (chosen & 255);
            if (!chosen || first_of[i] == j || second_of[i] == j)
                continue;
            bits[found] = s->key[i * stride + j];
            row[found] = (int16_t)i;
            column[found++] = (int16_t)j;
        }
    int wanted = (rows < columns ? rows : columns) + 10;
    int32_t threshold = found > wanted ? threshold_of(bits, found, wanted) : -1;
    int above = 0, kept = 0;
    for (int k = 0; k < found; k++)
        above += bits[k] > threshold;
    for (int k = 0, ties = wanted - above; k < found; k++) {
        if (bits[k] < threshold || (bits[k] == threshold && ties-- <= 0))
            continue;
        s->row[kept] = row[k];
        s->column[kept] = column[k];
        s->first[kept++] = float_of(bits[k]);
    }
    s->pairs = kept;
    s->padded = (kept + 15) & ~15;
    for (int k = 0; k < s->padded; k++) {
        int i = k < kept ? s->row[k] : 0, j = k < kept ? s->column[k] : 0;
        s->ax[k] = hf_x(a)[i];
        s->ay[k] = hf_y(a)[i];
        s->bx[k] = hf_x(b)[j];
        s->by[k] = hf_y(b)[j];
        s->a_direction[k] = hf_direction(a)[i];
        s->b_direction[k] = hf_direction(b)[j];
        if (k >= kept) {
            s->row[k] = s->column[k] = -1;
            s->first[k] = 0;
        }
    }
}

static void relax(scratch *restrict s)
{
    int padded = s->padded;
    float apart[HF_MOST_PAIRS], far[HF_MOST_PAIRS], cross[HF_MOST_PAIRS], dot[HF_MOST_PAIRS], bearing[HF_MOST_PAIRS];
    int32_t turn[HF_MOST_PAIRS], near[HF_MOST_PAIRS];
    float now[HF_MOST_PAIRS], next[HF_MOST_PAIRS];
    for (int i = 0; i < s->pairs; i++) {
        float *restrict out = s->support + i * HF_MOST_PAIRS;
        float a_cos = hf_cosine[s->a_direction[i]], a_sin = hf_cosine[(s->a_direction[i] - 64) & 255];
        float b_cos = hf_cosine[s->b_direction[i]], b_sin = hf_cosine[(s->b_direction[i] - 64) & 255];
        float ax = s->ax[i], ay = s->ay[i], bx = s->bx[i], by = s->by[i];
        int32_t off = s->a_direction[i] - s->b_direction[i], row = s->row[i], column = s->column[i];
        for (int j = 0; j < padded; j++) {
            float dxa = s->ax[j] - ax, dya = s->ay[j] - ay, dxb = s->bx[j] - bx, dyb = s->by[j] - by;
            apart[j] = fabsf(sqrtf(dxa * dxa + dya * dya) - sqrtf(dxb * dxb + dyb * dyb));
            float ua = a_cos * dxa + a_sin * dya, va = a_cos * dya - a_sin * dxa;
            float ub = b_cos * dxb + b_sin * dyb, vb = b_cos * dyb - b_sin * dxb;
            cross[j] = ua * vb - va * ub;
            dot[j] = ua * ub + va * vb;
        }
        for (int j = 0; j < padded; j++) {
            turn[j] = abs((int32_t)((uint32_t)(off - s->a_direction[j] + s->b_direction[j]) << 24) >> 24);
            bearing[j] = hf_turn(cross[j], dot[j]);
        }
        for (int j = 0; j < padded; j++) {
            near[j] = (apart[j] <= FAR_PX) & (turn[j] <= FAR_TURN) & (bearing[j] <= FAR_RAD) & (s->row[j] != row) &
                      (s->column[j] != column) & (s->row[j] >= 0);
            far[j] = apart[j] < FAR_PX ? apart[j] : FAR_PX;
        }
        for (int j = 0; j < padded; j++) {
            /* Centre and steepness for differences of distance [px], direction and bearing [rad]. */
            float doubt = (1 + hf_exp(0.8f * (far[j] - 7.0f))) * (1 + hf_exp(15.0f * (UNIT * (float)turn[j] - PI / 6))) *
                          (1 + hf_exp(15.0f * (bearing[j] - PI / 12)));
            out[j] = (float)near[j] / doubt;
        }
    }
    memcpy(now, s->first, sizeof(float) * (size_t)padded);
    float share = (1 - KEEP) / (float)(s->pairs > 1 ? s->pairs - 1 : 1);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < s->pairs; i++) {
            const float *restrict out = s->support + i * HF_MOST_PAIRS;
            float sum = 0;
            for (int j = 0; j < padded; j++)
                sum += out[j] * now[j];
            next[i] = KEEP * now[i] + share * sum;
        }
        memcpy(now, next, sizeof(float) * (size_t)s->pairs);
    }
    memcpy(s->relaxed, now, sizeof(float) * (size_t)padded);
}

#include "compare_align.h"
#include "compare_evidence.h"

void HF_NAME(hf_compare)(const hf_print *a, const hf_print *b, int whole, float *evidence)
{
    static _Thread_local scratch space;
    static _Thread_local laid tried[2];
    scratch *s = &space;
    /* Hidden, or the compiler asks for the thread's address again and again. */
    __asm__("" : "+r"(s));
    memset(evidence, 0, sizeof *evidence * HF_EVIDENCE);
    int fewer = a->count < b->count ? a->count : b->count;
    if (fewer < 2 || !a->usable || !b->usable)
        return;
    similarities(a, b, s->key);
    best_pairs(a, b, s);
    if (s->pairs < 2)
        return;
    relax(s);
    int count = fewer / 3 > 4 ? fewer / 3 : 4;
    count = count < s->pairs ? count : s->pairs;
    evidence[HF_LOCAL] = mean_of_top(s->first, s->pairs, count);
    evidence[HF_RELAXED] = mean_of_top(s->relaxed, s->pairs, count);
    if (!whole && hf_hopeless(evidence)) {
        evidence[HF_SCORE] = hf_score(evidence);
        return;
    }
    uint8_t used_rows[HF_MOST] = {0}, used_columns[HF_MOST] = {0};
    laid *best = NULL, *next = tried;
    for (int n = 0; n < SEEDS; n++) {
        int seed = -1;
        for (int k = 0; k < s->pairs; k++)
            if (!used_rows[s->row[k]] && !used_columns[s->column[k]] && (seed < 0 || s->relaxed[k] > s->relaxed[seed]))
                seed = k;
        if (seed < 0)
            break;
        used_rows[s->row[seed]] = used_columns[s->column[seed]] = 1;
        if (best && agrees(best, s->row[seed], s->column[seed]))
            continue;
        if (!verify(a, b, s, seed, next))
            continue;
        if (!best || next->weight > best->weight) {
            memcpy(next->wx, s->wx, sizeof(float) * a->padded);
            memcpy(next->wy, s->wy, sizeof(float) * a->padded);
            best = next;
            next = tried + (best == tried);
        }
    }
    if (best)
        gather(a, b, best, evidence);
    evidence[HF_SCORE] = hf_score(evidence);
}
