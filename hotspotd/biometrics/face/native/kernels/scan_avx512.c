/* AVX-512 with VNNI, which multiplies unsigned by signed bytes: the row is moved up by 128, and `shift` taken off. */

#include "scan.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,avx512f,avx512bw,avx512vnni"))), apply_to = function)
#else
#pragma GCC target("avx2,avx512f,avx512bw,avx512vnni")
#endif

static inline int32_t dot(const int8_t *probe, const int8_t *row, int64_t length, int32_t shift)
{
    const __m512i up = _mm512_set1_epi8((char)0x80);
    __m512i a = _mm512_setzero_si512(), b = a;
    int64_t k = 0;
    for (; k + 128 <= length; k += 128) {
        a = _mm512_dpbusd_epi32(a, _mm512_xor_si512(_mm512_loadu_si512(row + k), up), _mm512_loadu_si512(probe + k));
        b = _mm512_dpbusd_epi32(b, _mm512_xor_si512(_mm512_loadu_si512(row + k + 64), up),
                                _mm512_loadu_si512(probe + k + 64));
    }
    if (k < length)
        a = _mm512_dpbusd_epi32(a, _mm512_xor_si512(_mm512_loadu_si512(row + k), up), _mm512_loadu_si512(probe + k));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(a, b)) - shift;
}

#define HV_KERNEL hv_scan_avx512
#include "scan_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
