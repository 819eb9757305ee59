/* One embedding against very many, in int8: what Python calls (face/native/__init__.py) and what each instruction set
 * brings. All in whole numbers, so that every machine, and numpy, finds the same.
 */
#ifndef HV_SCAN_H
#define HV_SCAN_H

#include <stdint.h>

#define HV_EXPORT __attribute__((visibility("default")))

/* To be raised with every change to an exported function. */
#define HV_ABI 1

enum {
    HV_BLOCK = 64, /* a row's length is a multiple of this [bytes] */
    HV_STREAMS = 8, /* places that are read from in turn: one alone leaves half of the memory's bandwidth unused */
    HV_AHEAD = 1024, /* what is asked for before it is needed [bytes] */
};

/* Ascending in what they want of the machine. On aarch64 the baseline has NEON, and HV_DOTPROD stands after it. */
enum { HV_BASELINE = 0, HV_AVX2 = 1, HV_AVX512 = 2, HV_DOTPROD = 1 };

/* out[i] = probe · rows[i], of n rows of `length` bytes one after the other. |sums| < 2^31 up to 65536 bytes. */
typedef void hv_scan_kernel(const int8_t *probe, const int8_t *rows, int64_t length, int64_t n, int32_t *out);

hv_scan_kernel hv_scan_baseline, hv_scan_avx2, hv_scan_avx512, hv_scan_dotprod;

#endif
