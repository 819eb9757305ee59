/* The walk over the rows; include after defining HV_KERNEL and `static inline int32_t dot(probe, row, length, shift)`.
 * `shift` is 128 times the sum of the probe, for instruction sets that take one factor as unsigned.
 */

void HV_KERNEL(const int8_t *probe, const int8_t *rows, int64_t length, int64_t n, int32_t *out)
{
    int32_t shift = 0;
    for (int64_t k = 0; k < length; k++)
        shift += 128 * probe[k];
    const int64_t part = n / HV_STREAMS;
    for (int64_t r = 0; r < part; r++)
        for (int s = 0; s < HV_STREAMS; s++) {
            const int64_t at = s * part + r;
            const int8_t *row = rows + at * length;
            for (int64_t k = 0; k < length; k += 64)
                __builtin_prefetch(row + k + HV_AHEAD);
            out[at] = dot(probe, row, length, shift);
        }
    for (int64_t at = part * HV_STREAMS; at < n; at++)
        out[at] = dot(probe, rows + at * length, length, shift);
}
