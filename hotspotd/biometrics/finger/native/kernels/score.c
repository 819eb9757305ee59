#include "score.h"
#include "compare.h"

#include <math.h>

static float cosines[256], double_cosines[HF_FIELD_TURNS];
const float *hf_cosine = cosines, *hf_double_cosine = double_cosines;

__attribute__((constructor)) static void make_tables(void)
{
    for (int k = 0; k < 256; k++)
        cosines[k] = (float)cos(2 * M_PI * k / 256);
    for (int k = 0; k < HF_FIELD_TURNS; k++)
        double_cosines[k] = (float)cos(2 * M_PI * k / HF_FIELD_TURNS);
}

/* As score_of in comparison.py. */
float hf_score(const float *e)
{
    float score = 6 * e[HF_RELAXED];
    if (e[HF_PAIRED] < 3)
        return score;
    return score + e[HF_WEIGHT] * powf(e[HF_WEIGHT] / (e[HF_EXPECTED] > 8 ? e[HF_EXPECTED] : 8), 1.25f);
}

int hf_hopeless(const float *e)
{
    return e[HF_RELAXED] < 0.045f;
}
