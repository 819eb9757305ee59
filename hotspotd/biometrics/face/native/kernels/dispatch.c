/* Which instruction set scans, and what Python calls. */

#include "scan.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1 << 20)
#endif
#endif

static int most(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2"))
        return HV_BASELINE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
        return HV_AVX512;
    return HV_AVX2;
#elif defined(__aarch64__) && defined(__linux__)
    return getauxval(AT_HWCAP) & HWCAP_ASIMDDP ? HV_DOTPROD : HV_BASELINE;
#else
    return HV_BASELINE;
#endif
}

/* -1 until asked for the first time; racing threads all write the same. */
static int chosen = -1;

HV_EXPORT int hv_level(void)
{
    if (chosen < 0)
        chosen = most();
    return chosen;
}

HV_EXPORT int hv_abi(void)
{
    return HV_ABI;
}

/* Use no more than the instruction set `level`; returns the one in use from now on. For tests and measurements. */
HV_EXPORT int hv_select(int level)
{
    int best = most();
    chosen = level < 0 || level > best ? best : level;
    return chosen;
}

HV_EXPORT void hv_scan(const int8_t *probe, const int8_t *rows, int64_t length, int64_t n, int32_t *out)
{
#if defined(__x86_64__)
    switch (hv_level()) {
    case HV_AVX512:
        hv_scan_avx512(probe, rows, length, n, out);
        return;
    case HV_AVX2:
        hv_scan_avx2(probe, rows, length, n, out);
        return;
    }
#elif defined(__aarch64__)
    if (hv_level() == HV_DOTPROD) {
        hv_scan_dotprod(probe, rows, length, n, out);
        return;
    }
#endif
    hv_scan_baseline(probe, rows, length, n, out);
}

/* All bits of n words, from HV_STREAMS places at once: how fast memory can be read. For measurements. */
HV_EXPORT uint64_t hv_read(const uint64_t *words, int64_t n)
{
    uint64_t found[8] = {0};
    const int64_t part = n / HV_STREAMS & ~(int64_t)7;
    for (int64_t at = 0; at < part; at += 8)
        for (int s = 0; s < HV_STREAMS; s++) {
            const uint64_t *from = words + s * part + at;
            __builtin_prefetch((const char *)from + HV_AHEAD);
            for (int k = 0; k < 8; k++)
                found[k] |= from[k];
        }
    for (int64_t at = part * HV_STREAMS; at < n; at++)
        found[0] |= words[at];
    for (int k = 1; k < 8; k++)
        found[0] |= found[k];
    return found[0];
}
