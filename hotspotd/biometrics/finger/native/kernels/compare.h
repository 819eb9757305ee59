/* What a comparison finds; shared by the kernels of all instruction sets. */
#ifndef HF_COMPARE_H
#define HF_COMPARE_H

#include "print.h"

#define HF_MOST_PAIRS 176 /* HF_MOST + 10, rounded up to 16 */

/* Evidence of one comparison, all float; comparison.py names the same fields in the same order. */
enum {
    HF_LOCAL,     /* mean similarity of the best pairs of cylinders */
    HF_RELAXED,   /* the same, with the support of the others */
    HF_PAIRED,    /* minutiae paired once aligned */
    HF_WEIGHT,    /* sum of their weights */
    HF_EXPECTED,  /* pairs that the overlap lets one expect */
    HF_GAP,       /* mean distance of the paired [px] */
    HF_TWIST,     /* mean difference of their directions [rad] */
    HF_COMMON,    /* samples of the ridge fields that both prints have */
    HF_AGREEMENT, /* mean cosine of twice the difference of ridge direction there */
    HF_SCORE,
    HF_EVIDENCE
};

/* Compare two prints; `whole` = no short cut for pairs that are clearly of different fingers. */
typedef void hf_comparator(const hf_print *a, const hf_print *b, int whole, float *evidence);
hf_comparator hf_compare_baseline, hf_compare_avx2, hf_compare_avx512;

#endif
