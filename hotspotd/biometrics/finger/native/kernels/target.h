/* Include first, and target_end.h last, in a source that is compiled once for each instruction set, after defining one of
 * HF_FOR_BASELINE, HF_FOR_AVX2, HF_FOR_AVX512. Says for which instruction set all that follows is compiled, and gives
 * HF_NAME(x), x with the set's name behind it. HF_SKIP is defined where the set is not of this machine's kind.
 */
#ifndef HF_TARGET_H
#define HF_TARGET_H

#if defined(HF_FOR_AVX512)
#define HF_NAME(name) name##_avx512
#elif defined(HF_FOR_AVX2)
#define HF_NAME(name) name##_avx2
#else
#define HF_NAME(name) name##_baseline
#endif

#if !defined(HF_FOR_BASELINE) && !defined(__x86_64__)
#define HF_SKIP
#elif defined(HF_FOR_AVX512)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,popcnt,bmi,bmi2,avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512bitalg"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,popcnt,bmi,bmi2,avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512bitalg")
#endif
#elif defined(HF_FOR_AVX2)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,popcnt,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,popcnt,bmi,bmi2")
#endif
#endif

#endif
