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

static float within(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

/* As score_of in comparison.py, which says why. */
float hf_score(const float *e)
{
    float score = 6 * e[HF_RELAXED];
    if (e[HF_PAIRED] < 3)
        return score;
    float share = e[HF_WEIGHT] / (e[HF_EXPECTED] > 6 ? e[HF_EXPECTED] : 6);
    float ridges = within((e[HF_AGREEMENT] * e[HF_COMMON] + 0.8f * 20) / (e[HF_COMMON] + 20), 0, 1);
    return score + e[HF_WEIGHT] * powf(share, 1.25f) * sqrtf(ridges) * within(1.25f - 0.05f * e[HF_GAP], 0.5f, 1.5f);
}

int hf_hopeless(const float *e)
{
    return e[HF_RELAXED] < 0.05f;
}
