#include "compare.h"
#include "dispatch.h"

/* Compare `probe` with `count` references, all made by hf_prepare: evidence (count, HF_EVIDENCE). `whole` = no short
 * cut. Returns -1 where a print is not one, else 0. Safe from several threads.
 */
HF_EXPORT int32_t hf_compare(const void *probe, const void *const *references, int32_t count, int32_t whole,
                             float *evidence)
{
    hf_comparator *compare = hf_compare_baseline;
#if defined(__x86_64__)
    if (hf_level() == HF_AVX512)
        compare = hf_compare_avx512;
    else if (hf_level() == HF_AVX2)
        compare = hf_compare_avx2;
#endif
    const hf_print *a = probe;
    for (int32_t k = 0; k < count; k++) {
        const hf_print *b = references[k];
        if (a->count > HF_MOST || b->count > HF_MOST)
            return -1;
        compare(a, b, whole, evidence + (int64_t)k * HF_EVIDENCE);
    }
    return 0;
}
