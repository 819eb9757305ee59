/* Layouts that search.c shares with codes.py and index.py.
 *
 * A word holds a minutia's code in its low HF_CODE_BITS bits and its direction, in 1/64 turns, above them. A place is
 * x, y in HF_UNIT px from the middle of the print. Everything is whole numbers, so that every machine, and numpy,
 * finds the same.
 */
#ifndef HF_SEARCH_H
#define HF_SEARCH_H

#include <stdint.h>

enum {
    HF_CODE_BITS = 58,
    HF_COLUMNS = 64, /* of a row of the table; those from HF_CODE_BITS on are zero */
    HF_MOST_CODED = 64,
    HF_MOST_MINUTIAE = 200, /* so that the sums of int8 stay in int16 */
    HF_REACH = 1280, /* neighbours count up to here [1/16 px] */
    HF_CELL = 80,    /* side of a cell of the table [1/16 px] */
    HF_SIDE = 32,    /* cells along a side: 2 * HF_REACH / HF_CELL */
    HF_SECTORS = 16, /* of the difference of directions */
    HF_TURNS = 16,   /* sectors that votes for a turn are counted in */
    HF_GAP = 1600,   /* 7.5 px squared [(1/16 unit)^2]: how far a pair may lie off a placement given by another */
    HF_SLOPE = 4,    /* 0.125 squared, times 256: and how much further with each px between them */
    HF_TWIST = 6,    /* and how far it may be turned [1/64 turn], exclusive */
};

/* How a neighbour at a place and turned by a sector moves each bit's sum; cells: row of a cell, -1 = none. */
typedef struct {
    const int8_t *table;
    const int16_t *cells;
    const int16_t *bias;
    const int32_t *cosine; /* of 256 parts of a turn, times 2^14 */
} hf_projection;

/* Minutiae of several prints, `stride` places for each: x, y [1/16 px], angle [1/256 turn]. */
typedef struct {
    int64_t stride;
    const int32_t *count;
    const uint16_t *x, *y;
    const uint8_t *angle;
} hf_minutiae;

/* A probe. */
typedef struct {
    int32_t count;
    const uint64_t *words;
    const int8_t *places; /* x, y of each */
    const int32_t *worth; /* of each distance, at the first level */
    const int32_t *fine;  /* at the second */
} hf_searched;

/* References: of each where its words and places begin, and how many, at most HF_MOST_CODED. */
typedef struct {
    const uint32_t *start;
    const uint8_t *count;
    const uint64_t *words;
    const int8_t *places;
} hf_coded;

/* What search_body.h defines, once for each instruction set. */
typedef struct {
    void (*encode)(const hf_projection *by, int n, const uint16_t *x, const uint16_t *y, const uint8_t *angle, int wanted,
                   uint64_t *words);
    void (*scan)(const hf_searched *probe, const hf_coded *in, const uint8_t *wanted, int64_t from, int64_t to,
                 int32_t *scores);
    int32_t (*fit)(const int32_t *cosine, const hf_searched *probe, const uint64_t *words, const int8_t *places, int n);
} hf_search_kernels;

extern const hf_search_kernels hf_search_baseline, hf_search_avx2, hf_search_avx512;

#endif
