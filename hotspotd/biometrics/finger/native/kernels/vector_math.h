/* exp and atan2 that the compiler can vectorise; relative error below 1e-6. No libm call, no branch. */
#ifndef HF_VECTOR_MATH_H
#define HF_VECTOR_MATH_H

#include <stdint.h>
#include <string.h>

/* e^x for x within -80..80. */
static inline __attribute__((always_inline)) float hf_exp(float x)
{
    float scaled = x * 1.44269504f;
    int32_t whole = (int32_t)(scaled + __builtin_copysignf(0.5f, scaled));
    float part = scaled - (float)whole;
    float power = 1.8775767e-3f;
    power = power * part + 8.9893397e-3f;
    power = power * part + 5.5826318e-2f;
    power = power * part + 2.4015361e-1f;
    power = power * part + 6.9315308e-1f;
    power = power * part + 9.9999994e-1f;
    int32_t bits = (whole + 127) * 8388608;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return power * scale;
}

/* |atan2(y, x)|, 0..pi; 0 where both are 0. */
static inline __attribute__((always_inline)) float hf_turn(float y, float x)
{
    float up = __builtin_fabsf(y), along = __builtin_fabsf(x);
    float more = up > along ? up : along, less = up > along ? along : up;
    float r = less / (more + 1e-20f), s = r * r;
    float a = -0.0117212f;
    a = a * s + 0.05265332f;
    a = a * s - 0.11643287f;
    a = a * s + 0.19354346f;
    a = a * s - 0.33262347f;
    a = a * s + 0.99997726f;
    a *= r;
    a = up > along ? 1.57079633f - a : a;
    return x < 0 ? 3.14159265f - a : a;
}

#endif
