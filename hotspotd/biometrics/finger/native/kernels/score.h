/* One number of the evidence, and when there is no use in looking further. score.c holds the tables. */
#ifndef HF_SCORE_H
#define HF_SCORE_H

extern const float *hf_cosine;        /* of each 1/256 turn */
extern const float *hf_double_cosine; /* of twice each 1/250 half turn */

float hf_score(const float *evidence);
int hf_hopeless(const float *evidence);

#endif
