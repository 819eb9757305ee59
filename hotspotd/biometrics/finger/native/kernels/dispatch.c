#include "dispatch.h"

static int most(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("popcnt") ||
        !__builtin_cpu_supports("bmi2"))
        return HF_BASELINE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vpopcntdq") &&
        __builtin_cpu_supports("avx512bitalg"))
        return HF_AVX512;
    return HF_AVX2;
#else
    return HF_BASELINE;
#endif
}

/* -1 until asked for the first time; racing threads all write the same. */
static int chosen = -1;

HF_EXPORT int hf_level(void)
{
    if (chosen < 0)
        chosen = most();
    return chosen;
}

/* Version of the interface, checked when the library is loaded. */
HF_EXPORT int hf_abi(void)
{
    return HF_ABI;
}

/* Use no more than the instruction set `level`; returns the one in use from now on. For tests and measurements. */
HF_EXPORT int hf_select(int level)
{
    int best = most();
    chosen = level < 0 || level > best ? best : level;
    return chosen;
}
