#include "score.h"
#include "compare.h"

#include <math.h>

static float cosines[256];
const float *hf_cosine = cosines;
float hf_half[HF_FIELD_TURNS], hf_half_sine[HF_FIELD_TURNS], hf_double[HF_FIELD_TURNS], hf_double_sine[HF_FIELD_TURNS];
float hf_worth[256], hf_trust[256];

__attribute__((constructor)) static void make_tables(void)
{
    for (int k = 0; k < 256; k++) {
        cosines[k] = (float)cos(2 * M_PI * k / 256);
        hf_worth[k] = (float)(k / 100.0 * (k / 100.0));
        hf_trust[k] = (float)pow(k / 100.0, 0.4);
    }
    for (int k = 0; k < HF_FIELD_TURNS; k++) {
        double angle = M_PI * k / HF_FIELD_TURNS;
        hf_half[k] = (float)cos(angle);
        hf_half_sine[k] = (float)sin(angle);
        hf_double[k] = (float)cos(2 * angle);
        hf_double_sine[k] = (float)sin(2 * angle);
    }
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
    float share = e[HF_WEIGHT] / (e[HF_EXPECTED] > 3 ? e[HF_EXPECTED] : 3);
    float ridges = within((e[HF_AGREEMENT] * e[HF_COMMON] + 0.8f * 14) / (e[HF_COMMON] + 14), 0, 1);
    float closeness = within(1.4f - 0.07f * e[HF_GAP], 0.5f, 1.5f);
    return score + powf(e[HF_WEIGHT], 1.2f) * powf(share, 1.25f) * ridges * closeness;
}

int hf_hopeless(const float *e)
{
    return e[HF_RELAXED] < 0.05f;
}
