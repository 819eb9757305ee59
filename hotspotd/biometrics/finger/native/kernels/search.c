/* One print against very many, by short codes: what Python calls. codes.py and index.py say what it computes. */

#include "dispatch.h"
#include "search.h"

static const hf_search_kernels *kernels(void)
{
#if defined(__x86_64__)
    switch (hf_level()) {
    case HF_AVX512:
        return &hf_search_avx512;
    case HF_AVX2:
        return &hf_search_avx2;
    }
#endif
    return &hf_search_baseline;
}

/* Words of the first wanted[p] minutiae of each of `prints` prints, at words[start[p]]. */
HF_EXPORT void hf_encode(const hf_projection *by, const hf_minutiae *of, int64_t prints, const int32_t *wanted,
                         const int64_t *start, uint64_t *words)
{
    for (int64_t p = 0; p < prints; p++) {
        const int64_t at = p * of->stride;
        kernels()->encode(by, of->count[p], of->x + at, of->y + at, of->angle + at, wanted[p], words + start[p]);
    }
}

/* First-level scores of the references from..to; -1 where `wanted`, which may be null, is 0 or there is no code. */
HF_EXPORT void hf_scan(const hf_searched *probe, const hf_coded *in, const uint8_t *wanted, int64_t from, int64_t to,
                       int32_t *scores)
{
    kernels()->scan(probe, in, wanted, from, to, scores);
}

/* Second-level scores of the n references `which`. */
HF_EXPORT void hf_fit(const int32_t *cosine, const hf_searched *probe, const hf_coded *in, const int64_t *which,
                      int64_t n, int32_t *scores)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = in->start[which[i]];
        scores[i] = kernels()->fit(cosine, probe, in->words + at, in->places + 2 * at, in->count[which[i]]);
    }
}
