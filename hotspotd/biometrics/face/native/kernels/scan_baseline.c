/* For every machine. The compiler makes vectors of it: SSE2 on x86-64, NEON on aarch64. */

#include "scan.h"

static inline int32_t dot(const int8_t *probe, const int8_t *row, int64_t length, int32_t shift)
{
    (void)shift;
    int32_t sum = 0;
    for (int64_t k = 0; k < length; k++)
        sum += (int16_t)((int16_t)probe[k] * row[k]);
    return sum;
}

#define HV_KERNEL hv_scan_baseline
#include "scan_body.h"
