/* What an alignment is worth: part of compare_kernel.h. */

/* Whether an alignment already pairs these two. */
static int agrees(const laid *found, int row, int column)
{
    for (int k = 0; k < found->paired; k++)
        if (found->row[k] == row)
            return found->column[k] == column && found->gap[k] <= 8.0f;
    return 0;
}

static float turn_at(float ax, float ay, float bx, float by, float cx, float cy)
{
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
}

/* Convex hull of (x, y); corners in order with every turn positive. */
static int hull_around(const float *x, const float *y, int count, float *hx, float *hy)
{
    int order[HF_MOST], size = 0;
    for (int k = 0; k < count; k++) {
        int at = k;
        while (at > 0 && (x[order[at - 1]] > x[k] || (x[order[at - 1]] == x[k] && y[order[at - 1]] > y[k]))) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = k;
    }
    for (int pass = 0, floor = 0; pass < 2; pass++, floor = size - 1)
        for (int k = pass; k < count; k++) {
            int next = order[pass ? count - 1 - k : k];
            while (size - floor >= 2 && turn_at(hx[size - 2], hy[size - 2], hx[size - 1], hy[size - 1], x[next], y[next]) <= 0)
                size--;
            hx[size] = x[next];
            hy[size++] = y[next];
        }
    return size > 1 ? size - 1 : size;
}

/* What those of (x, y) count for that lie in the hull of the others, widened by 5 px. */
static float inside_hull(const uint8_t *certainty, const float *restrict x, const float *restrict y, int count, const float *of_x, const float *of_y, int of_count)
{
    float hx[2 * HF_MOST + 2], hy[2 * HF_MOST + 2];
    uint8_t out[HF_MOST] = {0};
    int corners = hull_around(of_x, of_y, of_count, hx, hy);
    float inside = 0;
    for (int k = 0; k < corners; k++) {
        int after = k + 1 < corners ? k + 1 : 0;
        float ex = hx[after] - hx[k], ey = hy[after] - hy[k], length = sqrtf(ex * ex + ey * ey), cx = hx[k], cy = hy[k];
        for (int i = 0; i < count; i++)
            out[i] |= ex * (y[i] - cy) - ey * (x[i] - cx) < -5.0f * length;
    }
    for (int i = 0; i < count; i++)
        inside += out[i] ? 0 : hf_worth[certainty[i]];
    return inside;
}

static int field_index(const hf_print *p, float x, float y)
{
    int column = (int)(x * (1.0f / HF_FIELD_STEP) + 100.5f) - 100, row = (int)(y * (1.0f / HF_FIELD_STEP) + 100.5f) - 100;
    return column >= 0 && row >= 0 && column < p->columns && row < p->rows ? row * p->columns + column : -1;
}

/* Compare the ridge fields where both prints have one, the probe laid on the reference. */
static void compare_fields(const hf_print *a, const hf_print *b, const laid *best, float *evidence)
{
    const uint8_t *of_a = hf_field(a), *of_b = hf_field(b);
    const float *m = best->stretch;
    float sum = 0;
    float along[HF_FIELD_TURNS], across[HF_FIELD_TURNS];
    int common = 0;
    /* The probe's directions once laid on the reference, as points on the unit circle of twice the angle. */
    for (int k = 0; k < HF_FIELD_TURNS; k++) {
        float x = m[0] * hf_half[k] + m[1] * hf_half_sine[k], y = m[2] * hf_half[k] + m[3] * hf_half_sine[k];
        float length = x * x + y * y;
        along[k] = (x * x - y * y) / length;
        across[k] = 2 * x * y / length;
    }
    for (int row = 0; row < a->rows; row++)
        for (int column = 0; column < a->columns; column++) {
            int own = of_a[row * a->columns + column];
            if (own == HF_FIELD_NONE)
                continue;
            float x = (float)(column * HF_FIELD_STEP) - best->from_x, y = (float)(row * HF_FIELD_STEP) - best->from_y;
            int at = field_index(b, m[0] * x + m[1] * y + best->shift_x + best->to_x,
                                 m[2] * x + m[3] * y + best->shift_y + best->to_y);
            if (at < 0 || of_b[at] == HF_FIELD_NONE)
                continue;
            common++;
            sum += along[own] * hf_double[of_b[at]] + across[own] * hf_double_sine[of_b[at]];
        }
    evidence[HF_COMMON] = (float)common;
    evidence[HF_AGREEMENT] = common ? sum / (float)common : 0;
}

static void gather(const hf_print *a, const hf_print *b, const laid *best, float *evidence)
{
    float gap = 0, twist = 0, paired = (float)best->paired;
    for (int k = 0; k < best->paired; k++) {
        gap += best->gap[k];
        twist += best->twist[k];
    }
    evidence[HF_PAIRED] = paired;
    evidence[HF_WEIGHT] = best->weight;
    evidence[HF_GAP] = gap / paired;
    evidence[HF_TWIST] = twist / paired;
    float inside_a = inside_hull(hf_certainty(a), best->wx, best->wy, a->count, hf_x(b), hf_y(b), b->count);
    float inside_b = inside_hull(hf_certainty(b), hf_x(b), hf_y(b), b->count, best->wx, best->wy, a->count);
    evidence[HF_EXPECTED] = sqrtf(inside_a * inside_b);
    compare_fields(a, b, best, evidence);
}
