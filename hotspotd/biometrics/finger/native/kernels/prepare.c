/* Minutia cylinders (Cappelli, Ferrara, Maltoni 2010) in whole numbers, so that every machine sets the same bits. */
#include "dispatch.h"
#include "print.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CELLS 256
#define GRID 16            /* units in a pixel */
#define RADIUS 70          /* of the disc [px at 500 dpi]: about eight ridges */
#define SIGMA 8.0          /* spread of a neighbour's place [px] */
#define SIGMA_ANGLE 0.35   /* spread of a neighbour's direction [rad] */
#define MU 0.007           /* a cell is set where its neighbours' share exceeds this */
#define REACH (94 * GRID)  /* neighbours further off add nothing to the disc */
#define MARGIN 50          /* cells up to this far outside the hull [px] are known to be empty or not */
#define LEAST_KNOWN 167    /* of 256 cells: 65 % */
#define LEAST_NEAR 2
#define PLACE_SPAN 464     /* the place table ends where its values round to zero */
#define STRIDE 24
#define WINDOW 8          /* cells along a side that lie within PLACE_SPAN of a place, at most */
#define ALONG (REACH + 8)  /* neighbours' places lie within +-ALONG */
#define MAP_STEP 16
#define MAP_MOST 150       /* nodes along a side: 2000 px and the margin on both sides */

static struct {
    int32_t centre[HF_SIDE];
    int32_t sine[256]; /* 2^14 = 1 */
    uint8_t place[PLACE_SPAN];
    uint8_t facing[256][HF_SECTORS];
    int32_t centre_row[CELLS], centre_column[CELLS]; /* of each cell [1/16 px] */
    uint8_t first[2 * ALONG]; /* of eight cells in a row that hold all within PLACE_SPAN of a place */
    uint8_t begin[HF_SIDE], cells[HF_SIDE]; /* of each row of the disc, its first column and how many cells */
    uint32_t threshold;
} T;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static double wrapped(double angle)
{
    return fmod(fmod(angle + M_PI, 2 * M_PI) + 2 * M_PI, 2 * M_PI) - M_PI;
}

static void make_tables(void)
{
    double size = 2.0 * RADIUS / HF_SIDE;
    int cells = 0;
    for (int i = 0; i < HF_SIDE; i++)
        T.centre[i] = (int32_t)rint((i - (HF_SIDE - 1) / 2.0) * size * GRID);
    for (int row = 0; row < HF_SIDE; row++)
        for (int column = 0; column < HF_SIDE; column++) {
            double along = (row - (HF_SIDE - 1) / 2.0) * size, across = (column - (HF_SIDE - 1) / 2.0) * size;
            if (hypot(along, across) <= RADIUS && cells < CELLS) {
                T.centre_row[cells] = T.centre[row];
                T.begin[row] = T.cells[row] ? T.begin[row] : (uint8_t)column;
                T.cells[row]++;
                T.centre_column[cells++] = T.centre[column];
            }
        }
    for (int i = 0; i < 256; i++)
        T.sine[i] = (int32_t)rint(sin(2 * M_PI * i / 256) * 16384);
    for (int i = 0; i < PLACE_SPAN; i++)
        T.place[i] = (uint8_t)rint(255 * exp(-0.5 * (i / (SIGMA * GRID)) * (i / (SIGMA * GRID))));
    for (int i = 0; i < 2 * ALONG; i++) {
        int first = 0;
        while (first < HF_SIDE - WINDOW && T.centre[first] <= i - ALONG - PLACE_SPAN)
            first++;
        T.first[i] = (uint8_t)first;
    }
    for (int turn = 0; turn < 256; turn++)
        for (int sector = 0; sector < HF_SECTORS; sector++) {
            double off = 2 * M_PI * turn / 256 + M_PI - (sector + 0.5) * 2 * M_PI / HF_SECTORS, sum = 0;
            for (int k = 0; k < 128; k++) {
                double at = wrapped(off + ((k + 0.5) / 64 - 1) * M_PI / HF_SECTORS);
                sum += exp(-0.5 * (at / SIGMA_ANGLE) * (at / SIGMA_ANGLE));
            }
            sum *= 2 * M_PI / HF_SECTORS / 128 / (SIGMA_ANGLE * sqrt(2 * M_PI));
            T.facing[turn][sector] = (uint8_t)rint(255 * sum);
        }
    T.threshold = (uint32_t)rint(MU * SIGMA * sqrt(2 * M_PI) * 255 * 255 * 255);
}

typedef struct {
    int32_t x, y;
} point;

static int by_place(const void *left, const void *right)
{
    const point *a = left, *b = right;
    return a->x != b->x ? (a->x < b->x ? -1 : 1) : (a->y > b->y) - (a->y < b->y);
}

static int64_t turn_of(point a, point b, point c)
{
    return (int64_t)(b.x - a.x) * (c.y - a.y) - (int64_t)(b.y - a.y) * (c.x - a.x);
}

/* Convex hull (Andrew's monotone chain), corners in order with every turn positive; `points` is put in order. */
static int hull_of(point *points, int count, point *hull)
{
    int size = 0;
    qsort(points, (size_t)count, sizeof *points, by_place);
    for (int pass = 0, floor = 0; pass < 2; pass++, floor = size - 1)
        for (int k = pass; k < count; k++) {
            point next = points[pass ? count - 1 - k : k];
            while (size - floor >= 2 && turn_of(hull[size - 2], hull[size - 1], next) <= 0)
                size--;
            if (size == 0 || hull[size - 1].x != next.x || hull[size - 1].y != next.y)
                hull[size++] = next;
        }
    if (size > 1 && hull[size - 1].x == hull[0].x && hull[size - 1].y == hull[0].y)
        size--;
    return size;
}

typedef struct {
    int32_t x, y; /* [px] of the first node */
    int32_t rows, columns;
    uint8_t known[MAP_MOST * MAP_MOST];
} map;

/* Which nodes lie within MARGIN of the hull of all minutiae. */
static void make_map(map *m, const int32_t *x, const int32_t *y, int count)
{
    point points[HF_MOST], hull[2 * HF_MOST + 2];
    int32_t low_x = INT32_MAX, low_y = INT32_MAX, high_x = INT32_MIN, high_y = INT32_MIN;
    for (int i = 0; i < count; i++) {
        points[i] = (point){x[i] / GRID, y[i] / GRID};
        low_x = points[i].x < low_x ? points[i].x : low_x;
        low_y = points[i].y < low_y ? points[i].y : low_y;
        high_x = points[i].x > high_x ? points[i].x : high_x;
        high_y = points[i].y > high_y ? points[i].y : high_y;
    }
    int corners = hull_of(points, count, hull);
    m->x = low_x - MARGIN - MAP_STEP;
    m->y = low_y - MARGIN - MAP_STEP;
    m->columns = (high_x - low_x + 2 * (MARGIN + MAP_STEP)) / MAP_STEP + 2;
    m->rows = (high_y - low_y + 2 * (MARGIN + MAP_STEP)) / MAP_STEP + 2;
    for (int row = 0; row < m->rows; row++) {
        int32_t close[MAP_MOST] = {0}, outside[MAP_MOST] = {0}, columns = m->columns;
        for (int k = 0; k < corners; k++) {
            point a = hull[k], b = hull[k + 1 < corners ? k + 1 : 0];
            int32_t ex = b.x - a.x, ey = b.y - a.y, length = ex * ex + ey * ey, reach = MARGIN * MARGIN;
            int32_t dy = m->y + row * MAP_STEP - a.y, fy = dy - ey, start = m->x - a.x;
            /* Twice the area over the edge, at most MARGIN high; no edge between a corner and itself. */
            int32_t most = length ? (int32_t)sqrt((double)reach * length) : -1;
            for (int column = 0; column < columns; column++) {
                int32_t dx = start + column * MAP_STEP, fx = dx - ex;
                int32_t on = dx * ex + dy * ey, cross = ex * dy - ey * dx;
                outside[column] |= cross < 0;
                close[column] |= (dx * dx + dy * dy <= reach) | (fx * fx + fy * fy <= reach) |
                                 ((on >= 0) & (on <= length) & (cross <= most) & (cross >= -most));
            }
        }
        for (int column = 0; column < columns; column++)
            m->known[row * columns + column] = (uint8_t)(close[column] | (corners > 2 && !outside[column]));
    }
}

/* Add what a neighbour at this place, with this share of each sector, gives to the cells around. */
static void add_neighbour(uint32_t *restrict mass, int32_t along, int32_t across, const uint8_t *restrict facing)
{
    uint16_t place[WINDOW], weight[WINDOW], both[WINDOW * WINDOW];
    int row = T.first[along + ALONG], column = T.first[across + ALONG];
    for (int k = 0; k < WINDOW; k++) {
        int32_t off = abs(along - T.centre[row + k]), aside = abs(across - T.centre[column + k]);
        place[k] = T.place[off < PLACE_SPAN ? off : PLACE_SPAN - 1];
        weight[k] = T.place[aside < PLACE_SPAN ? aside : PLACE_SPAN - 1];
    }
    for (int i = 0; i < WINDOW; i++)
        for (int k = 0; k < WINDOW; k++)
            both[i * WINDOW + k] = (uint16_t)(place[i] * weight[k]);
    for (int sector = 0; sector < HF_SECTORS; sector++) {
        uint16_t share = facing[sector];
        uint32_t *restrict at = mass + (sector * HF_SIDE + row) * STRIDE + column;
        if (!share)
            continue;
        for (int i = 0; i < WINDOW; i++)
            for (int k = 0; k < WINDOW; k++)
                at[i * STRIDE + k] += (uint32_t)both[i * WINDOW + k] * share;
    }
}

/* Which cells around a minutia are known; how many. */
static int look_around(const map *m, int32_t x, int32_t y, int32_t cosine, int32_t sine, uint8_t *restrict known)
{
    int32_t node[CELLS], rows = m->rows - 1, columns = m->columns - 1, count = 0;
    for (int cell = 0; cell < CELLS; cell++) {
        int32_t along = T.centre_row[cell], across = T.centre_column[cell];
        int32_t column = (((x + ((cosine * along - sine * across + 8192) >> 14)) >> 4) - m->x + MAP_STEP / 2) >> 4;
        int32_t row = (((y + ((sine * along + cosine * across + 8192) >> 14)) >> 4) - m->y + MAP_STEP / 2) >> 4;
        column = column < 0 ? 0 : column > columns ? columns : column;
        row = row < 0 ? 0 : row > rows ? rows : row;
        node[cell] = row * (columns + 1) + column;
    }
    for (int cell = 0; cell < CELLS; cell++) {
        known[cell] = m->known[node[cell]];
        count += known[cell];
    }
    return count;
}

/* 64 bytes of 0 or 1 as the bits of a word, the first lowest. */
static uint64_t packed(const uint8_t *flags)
{
    uint64_t word = 0;
    for (int k = 0; k < 8; k++) {
        uint64_t eight;
        memcpy(&eight, flags + 8 * k, 8);
        word |= ((eight * 0x0102040810204080ull) >> 56) << (8 * k);
    }
    return word;
}

static int describe(int self, int count, const int32_t *x, const int32_t *y, const uint8_t *direction, const map *m,
                    uint64_t *words)
{
    uint32_t mass[HF_SECTORS * HF_SIDE * STRIDE + 8] = {0};
    int32_t cosine = T.sine[(direction[self] + 64) & 255], sine = T.sine[direction[self]];
    int near = 0, known, any = 0;
    for (int j = 0; j < count; j++) {
        int32_t dx = x[j] - x[self], dy = y[j] - y[self];
        if (j == self || dx * dx + dy * dy > REACH * REACH)
            continue;
        near++;
        add_neighbour(mass, (cosine * dx + sine * dy + 8192) >> 14, (-sine * dx + cosine * dy + 8192) >> 14,
                      T.facing[(uint8_t)(direction[self] - direction[j])]);
    }
    uint8_t flags[HF_SECTORS + 1][CELLS + HF_SIDE], above[HF_SECTORS * HF_SIDE * STRIDE];
    const uint32_t threshold = T.threshold;
    known = look_around(m, x[self], y[self], cosine, sine, flags[HF_SECTORS]);
    for (int k = 0; k < HF_SECTORS * HF_SIDE * STRIDE; k++)
        above[k] = mass[k] > threshold;
    for (int sector = 0; sector < HF_SECTORS; sector++) {
        uint8_t *to = flags[sector];
        /* Always a whole row, of constant length; the next one begins where this one should have ended. */
        for (int row = 0; row < HF_SIDE; to += T.cells[row++])
            memcpy(to, above + (sector * HF_SIDE + row) * STRIDE + T.begin[row], HF_SIDE);
        for (int cell = 0; cell < CELLS; cell++)
            flags[sector][cell] &= flags[HF_SECTORS][cell];
    }
    for (int w = 0; w < HF_WORDS; w++) {
        uint64_t word = packed(flags[w / HF_MASK_WORDS] + w % HF_MASK_WORDS * 64);
        words[w * HF_LANES] = word;
        any |= w < HF_BIT_WORDS && word;
    }
    return known >= LEAST_KNOWN && near >= LEAST_NEAR && any;
}

/* Bytes that hf_prepare will write. */
HF_EXPORT int32_t hf_prepared_bytes(int32_t count, int32_t rows, int32_t columns)
{
    return (int32_t)hf_print_bytes(((uint32_t)count + 15) & ~15u, (uint32_t)rows, (uint32_t)columns);
}

/* Make a print ready. x, y [1/16 px, 0..32000), direction and certainty (1..100) of `count` <= HF_MOST minutiae, in order of
 * direction; field (rows, columns) or none; `into` 64-byte aligned, zeroed, of hf_prepared_bytes. 0 = done, -1 = refused.
 */
HF_EXPORT int32_t hf_prepare(int32_t count, const int32_t *x, const int32_t *y, const uint8_t *direction,
                             const uint8_t *certainty, int32_t rows, int32_t columns, const uint8_t *field, void *into)
{
    if (count < 0 || count > HF_MOST || rows < 0 || columns < 0 || rows > HF_MOST_FIELD || columns > HF_MOST_FIELD)
        return -1;
    for (int i = 0; i < count; i++)
        if (x[i] < 0 || y[i] < 0 || x[i] >= 32000 || y[i] >= 32000)
            return -1;
    pthread_once(&once, make_tables);
    hf_print *print = into;
    uint32_t padded = ((uint32_t)count + 15) & ~15u;
    print->bytes = hf_print_bytes(padded, (uint32_t)rows, (uint32_t)columns);
    print->count = (uint16_t)count;
    print->padded = (uint16_t)padded;
    print->rows = (uint16_t)rows;
    print->columns = (uint16_t)columns;
    for (int i = 0; i < count; i++) {
        ((float *)hf_x(print))[i] = (float)x[i] / GRID;
        ((float *)hf_y(print))[i] = (float)y[i] / GRID;
        ((uint8_t *)hf_direction(print))[i] = direction[i];
        ((uint8_t *)hf_certainty(print))[i] = certainty[i];
    }
    if (count >= 2) {
        map around;
        make_map(&around, x, y, count);
        for (int i = 0; i < count; i++) {
            uint64_t *words =
                (uint64_t *)hf_cylinders(print) + (i / HF_LANES) * HF_WORDS * HF_LANES + i % HF_LANES;
            int usable = describe(i, count, x, y, direction, &around, words);
            ((uint8_t *)hf_usable(print))[i] = (uint8_t)usable;
            print->usable = (uint16_t)(print->usable + usable);
        }
    }
    memcpy((uint8_t *)hf_field(print), field, (size_t)rows * (size_t)columns);
    return 0;
}
