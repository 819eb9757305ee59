/* ARMv8.2 with the dot product instructions: Cortex-A76 (Raspberry Pi 5) and later. A Pi 4 takes the baseline. */

#include "scan.h"

#if defined(__aarch64__)

/* clang's arm_neon.h gives all intrinsics to a function with the right target, gcc's only after the pragma. */
#if defined(__clang__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#include <arm_neon.h>
#endif

static inline int32_t dot(const int8_t *probe, const int8_t *row, int64_t length, int32_t shift)
{
    (void)shift;
    int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
    for (int64_t k = 0; k < length; k += HV_BLOCK) {
        a = vdotq_s32(a, vld1q_s8(probe + k), vld1q_s8(row + k));
        b = vdotq_s32(b, vld1q_s8(probe + k + 16), vld1q_s8(row + k + 16));
        c = vdotq_s32(c, vld1q_s8(probe + k + 32), vld1q_s8(row + k + 32));
        d = vdotq_s32(d, vld1q_s8(probe + k + 48), vld1q_s8(row + k + 48));
    }
    return vaddvq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)));
}

#define HV_KERNEL hv_scan_dotprod
#include "scan_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
