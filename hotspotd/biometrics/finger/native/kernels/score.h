/* One number of the evidence, and when there is no use in looking further. score.c holds the tables. */
#ifndef HF_SCORE_H
#define HF_SCORE_H

extern const float *hf_cosine; /* of each 1/256 turn */
/* Of each 1/250 half turn, and of twice that. */
extern float hf_half[], hf_half_sine[], hf_double[], hf_double_sine[];
/* What a minutia of each certainty [1/100] counts for: where one is expected, and in a pair. */
extern float hf_worth[], hf_trust[];

float hf_score(const float *evidence);
int hf_hopeless(const float *evidence);

#endif
