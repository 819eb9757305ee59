/* One probe laid on one reference: rigid, then stretched, then bent; part of compare_kernel.h. */

#define RIGID_ROUNDS 3
#define STRETCH_ROUNDS 2
#define INLIER_RAD 0.35f
#define STIFF_PX 45.0f
#define REACH_PX 38.0f
#define WARP_ROUNDS 2
#define WARP_PX 15.0f
#define HOLD 0.15f
#define PAIR_PX 23.0f
#define PAIR_RAD 0.8f
#define CLOSE_PX 4.0f
#define STRAIGHT_RAD 0.6f

/* A map that turns and does nothing else. */
static void turn_only(laid *out)
{
    float cosine = cosf(out->turn), sine = sinf(out->turn);
    out->stretch[0] = out->stretch[3] = cosine;
    out->stretch[1] = -sine;
    out->stretch[2] = sine;
}

/* Weighted means of places that should coincide, and the weight of all. */
typedef struct {
    float total, ax, ay, bx, by;
} middle;

static middle middle_of(const float *restrict ax, const float *restrict ay, const float *restrict bx,
                        const float *restrict by, const float *restrict weight, int count)
{
    middle of = {0};
    for (int k = 0; k < count; k++) {
        of.total += weight[k];
        of.ax += weight[k] * ax[k];
        of.ay += weight[k] * ay[k];
        of.bx += weight[k] * bx[k];
        of.by += weight[k] * by[k];
    }
    of.total = of.total > 1e-12f ? of.total : 1e-12f;
    of.ax /= of.total;
    of.ay /= of.total;
    of.bx /= of.total;
    of.by /= of.total;
    return of;
}

static void shift_to(const middle *of, laid *out)
{
    out->shift_x = of->bx - out->stretch[0] * of->ax - out->stretch[1] * of->ay;
    out->shift_y = of->by - out->stretch[2] * of->ax - out->stretch[3] * of->ay;
}

/* Weighted least-squares turn and shift that bring a onto b. */
static void rigid(const float *restrict ax, const float *restrict ay, const float *restrict bx,
                  const float *restrict by, const float *restrict weight, int count, laid *out)
{
    middle of = middle_of(ax, ay, bx, by, weight, count);
    float cross = 0, dot = 0;
    for (int k = 0; k < count; k++) {
        float x = ax[k] - of.ax, y = ay[k] - of.ay, u = bx[k] - of.bx, v = by[k] - of.by;
        cross += weight[k] * (x * v - y * u);
        dot += weight[k] * (x * u + y * v);
    }
    out->turn = atan2f(cross, dot);
    turn_only(out);
    shift_to(&of, out);
}

/* Weighted least-squares linear map of a onto b, drawn towards the turn alone as if all were STIFF_PX apart. */
static void stretch(const float *restrict ax, const float *restrict ay, const float *restrict bx,
                    const float *restrict by, const float *restrict weight, int count, laid *out)
{
    middle of = middle_of(ax, ay, bx, by, weight, count);
    turn_only(out);
    float *m = out->stretch, own = STIFF_PX * STIFF_PX * of.total, xx = own, xy = 0, yy = own;
    float ux = own * m[0], uy = own * m[1], vx = own * m[2], vy = own * m[3];
    for (int k = 0; k < count; k++) {
        float x = ax[k] - of.ax, y = ay[k] - of.ay, u = bx[k] - of.bx, v = by[k] - of.by, w = weight[k];
        xx += w * x * x;
        xy += w * x * y;
        yy += w * y * y;
        ux += w * u * x;
        uy += w * u * y;
        vx += w * v * x;
        vy += w * v * y;
    }
    float whole = xx * yy - xy * xy;
    m[0] = (ux * yy - uy * xy) / whole;
    m[1] = (uy * xx - ux * xy) / whole;
    m[2] = (vx * yy - vy * xy) / whole;
    m[3] = (vy * xx - vx * xy) / whole;
    shift_to(&of, out);
}

static inline float wrapped(float angle)
{
    angle = angle < 0 ? -angle : angle;
    return angle > PI ? 2 * PI - angle : angle;
}

/* Greedy one-to-one pairing within `limit` px of the near pairs: mutual best first, three times. */
static int one_to_one(const hf_print *a, const hf_print *b, const scratch *s, const float *wx, const float *wy, float limit,
                      laid *out)
{
    float cost[MOST_NEAR], row_best[HF_MOST], column_best[HF_MOST], gap[MOST_NEAR];
    const float *bx = hf_x(b), *by = hf_y(b);
    int16_t row_at[HF_MOST], column_at[HF_MOST];
    int paired = 0;
    for (int k = 0; k < s->nears; k++) {
        float dx = wx[s->near[k].row] - bx[s->near[k].column], dy = wy[s->near[k].row] - by[s->near[k].column];
        gap[k] = sqrtf(dx * dx + dy * dy);
        cost[k] = gap[k] <= limit ? gap[k] + 12.0f * s->near[k].twist : INFINITY;
    }
    for (int pass = 0; pass < 3; pass++) {
        int before = paired;
        for (int i = 0; i < a->count; i++) {
            row_best[i] = INFINITY;
            row_at[i] = -1;
        }
        for (int j = 0; j < b->count; j++) {
            column_best[j] = INFINITY;
            column_at[j] = -1;
        }
        for (int k = 0; k < s->nears; k++) {
            int i = s->near[k].row, j = s->near[k].column;
            if (cost[k] < row_best[i]) {
                row_best[i] = cost[k];
                row_at[i] = (int16_t)k;
            }
            if (cost[k] < column_best[j]) {
                column_best[j] = cost[k];
                column_at[j] = (int16_t)k;
            }
        }
        for (int i = 0; i < a->count; i++) {
            int k = row_at[i];
            if (k < 0 || column_at[s->near[k].column] != k)
                continue;
            out->row[paired] = i;
            out->column[paired] = s->near[k].column;
            out->gap[paired] = gap[k];
            out->twist[paired++] = s->near[k].twist;
        }
        if (paired == before)
            break;
        for (int k = 0; k < s->nears; k++) {
            int i = s->near[k].row, j = s->near[k].column;
            /* Settled: mutual best of their row or column. */
            if ((row_at[i] >= 0 && column_at[s->near[row_at[i]].column] == row_at[i]) ||
                (column_at[j] >= 0 && row_at[s->near[column_at[j]].row] == column_at[j]))
                cost[k] = INFINITY;
        }
    }
    return paired;
}

/* Bend the aligned minutiae of a towards their current partners, smoothed over the neighbourhood. */
static void warp(const hf_print *a, const hf_print *b, scratch *restrict s, const float *restrict bx,
                 const float *restrict by, int rows, laid *out)
{
    int padded = a->padded;
    for (int round = 0; round < WARP_ROUNDS; round++) {
        if (rows < 3)
            return;
        float norm[HF_MOST], wx[HF_MOST], wy[HF_MOST], far[HF_MOST];
        for (int i = 0; i < padded; i++) {
            norm[i] = HOLD;
            wx[i] = wy[i] = 0;
        }
        for (int k = 0; k < rows; k++) {
            float mx = s->mx[out->row[k]], my = s->my[out->row[k]];
            float dx = bx[out->column[k]] - mx, dy = by[out->column[k]] - my;
            for (int i = 0; i < padded; i++) {
                float ex = s->mx[i] - mx, ey = s->my[i] - my;
                float spread = (ex * ex + ey * ey) * (1 / (2 * 40.0f * 40.0f));
                far[i] = spread < 60.0f ? spread : 60.0f;
            }
            for (int i = 0; i < padded; i++) {
                float near = hf_exp(-far[i]);
                norm[i] += near;
                wx[i] += near * dx;
                wy[i] += near * dy;
            }
        }
        for (int i = 0; i < padded; i++) {
            s->wx[i] = s->mx[i] + wx[i] / norm[i];
            s->wy[i] = s->my[i] + wy[i] / norm[i];
        }
        if (round + 1 < WARP_ROUNDS)
            rows = one_to_one(a, b, s, s->wx, s->wy, WARP_PX, out);
    }
}

/* Align on one seed pair and see what falls into place; 0 where nothing agrees with the seed. */
static int verify(const hf_print *a, const hf_print *b, scratch *restrict s, int seed, laid *out)
{
    static const float most[] = {13.0f, 13.0f, 13.0f, 10.0f, 10.0f};
    static const float slopes[] = {0.07f, 0.09f, 0.09f, 0.075f, 0.075f};
    float ax[HF_MOST_PAIRS], ay[HF_MOST_PAIRS], bx[HF_MOST_PAIRS], by[HF_MOST_PAIRS], weight[HF_MOST_PAIRS];
    float reach[HF_MOST_PAIRS], twist[HF_MOST_PAIRS];
    int inlier[HF_MOST_PAIRS], padded = s->padded, found = 0;
    out->from_x = s->ax[seed];
    out->from_y = s->ay[seed];
    out->to_x = s->bx[seed];
    out->to_y = s->by[seed];
    out->turn = UNIT * (float)(int8_t)(uint8_t)(s->b_direction[seed] - s->a_direction[seed]);
    out->shift_x = out->shift_y = 0;
    for (int k = 0; k < padded; k++) {
        ax[k] = s->ax[k] - out->from_x;
        ay[k] = s->ay[k] - out->from_y;
        bx[k] = s->bx[k] - out->to_x;
        by[k] = s->by[k] - out->to_y;
        reach[k] = sqrtf(ax[k] * ax[k] + ay[k] * ay[k]);
        int32_t turn = (s->a_direction[k] - s->b_direction[k]) & 255;
        twist[k] = UNIT * (float)(turn > 128 ? turn - 256 : turn);
    }
    turn_only(out);
    for (int round = 0; round < RIGID_ROUNDS + STRETCH_ROUNDS; round++) {
        const float *m = out->stretch;
        found = 0;
        for (int k = 0; k < padded; k++) {
            float dx = m[0] * ax[k] + m[1] * ay[k] + out->shift_x - bx[k];
            float dy = m[2] * ax[k] + m[3] * ay[k] + out->shift_y - by[k];
            float limit = most[round] + slopes[round] * reach[k];
            inlier[k] = (dx * dx + dy * dy <= limit * limit) & (wrapped(twist[k] + out->turn) <= INLIER_RAD) &
                        (s->row[k] >= 0);
            found += inlier[k];
            weight[k] = inlier[k] ? s->relaxed[k] : 0;
        }
        if (found < 2)
            return 0;
        (round < RIGID_ROUNDS ? rigid : stretch)(ax, ay, bx, by, weight, padded, out);
    }
    const float *m = out->stretch, turn = out->turn;
    float to_x[HF_MOST], to_y[HF_MOST];
    int32_t turned[HF_MOST];
    for (int i = 0; i < a->padded; i++) {
        float x = hf_x(a)[i] - out->from_x, y = hf_y(a)[i] - out->from_y;
        s->mx[i] = s->wx[i] = m[0] * x + m[1] * y + out->shift_x + out->to_x;
        s->my[i] = s->wy[i] = m[2] * x + m[3] * y + out->shift_y + out->to_y;
    }
    for (int j = 0; j < b->padded; j++) {
        to_x[j] = j < b->count ? hf_x(b)[j] : 1e9f;
        to_y[j] = hf_y(b)[j];
        turned[j] = hf_direction(b)[j];
    }
    s->nears = 0;
    for (int i = 0; i < a->count && s->nears < MOST_NEAR - HF_MOST; i++) {
        uint8_t close[HF_MOST];
        int32_t fits[HF_MOST];
        float off[HF_MOST], mx = s->mx[i], my = s->my[i];
        int32_t turned_a = hf_direction(a)[i];
        for (int j = 0; j < b->padded; j++) {
            float dx = mx - to_x[j], dy = my - to_y[j];
            float turned_by = fabsf(UNIT * (float)((int32_t)((uint32_t)(turned_a - turned[j]) << 24) >> 24) + turn);
            off[j] = PI - fabsf(PI - turned_by);
            fits[j] = (dx * dx + dy * dy <= REACH_PX * REACH_PX) & (off[j] <= PAIR_RAD);
        }
        for (int j = 0; j < b->padded; j++)
            close[j] = (uint8_t)fits[j];
        for (int j = 0; j < b->padded; j += 8) {
            uint64_t eight;
            memcpy(&eight, close + j, 8);
            for (; eight; eight &= eight - 1) {
                int at = j + (__builtin_ctzll(eight) >> 3);
                s->near[s->nears++] = (near_pair){i, at, off[at]};
            }
        }
    }
    int rows = 0;
    for (int k = 0; k < s->pairs; k++)
        if (inlier[k] && rows < HF_MOST) {
            out->row[rows] = s->row[k];
            out->column[rows++] = s->column[k];
        }
    warp(a, b, s, to_x, to_y, rows, out);
    out->paired = one_to_one(a, b, s, s->wx, s->wy, PAIR_PX, out);
    out->weight = 0;
    for (int k = 0; k < out->paired; k++) {
        float near = out->gap[k] / CLOSE_PX, straight = out->twist[k] / STRAIGHT_RAD;
        float alike = float_of(s->key[out->row[k] * b->padded + out->column[k]]);
        float trust = hf_trust[hf_certainty(a)[out->row[k]]] * hf_trust[hf_certainty(b)[out->column[k]]];
        out->weight += trust * hf_exp(-0.5f * (near * near + straight * straight)) * (0.35f + 0.65f * alike);
    }
    return out->paired > 0;
}

