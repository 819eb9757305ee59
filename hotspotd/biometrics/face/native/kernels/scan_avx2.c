#include "scan.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

static inline int32_t dot(const int8_t *probe, const int8_t *row, int64_t length, int32_t shift)
{
    (void)shift;
    __m256i a = _mm256_setzero_si256(), b = a;
    for (int64_t k = 0; k < length; k += 32) {
        const __m256i p0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(probe + k)));
        const __m256i p1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(probe + k + 16)));
        const __m256i r0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + k)));
        const __m256i r1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + k + 16)));
        a = _mm256_add_epi32(a, _mm256_madd_epi16(p0, r0));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(p1, r1));
    }
    a = _mm256_add_epi32(a, b);
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
}

#define HV_KERNEL hv_scan_avx2
#include "scan_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
