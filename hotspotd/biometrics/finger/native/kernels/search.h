/* Layouts that search.c shares with index.py and codes.py. */
#ifndef HF_SEARCH_H
#define HF_SEARCH_H

#include <stdint.h>

enum {
    HF_WORDS = 4,
    HF_LONGEST = 128,
    HF_REACH = 1280,
    HF_CELL = 80,
    HF_SIDE = 32,
    HF_SECTOR = 16,
    HF_TURNS = 16,
};
#define HF_GAP 14.0f
#define HF_SLOPE 0.2f
#define HF_TWIST 22.0f

typedef struct {
    const int8_t *table;
    const int16_t *cells, *bias;
    const int32_t *turns;
    int64_t columns;
} hf_projection;

typedef struct {
    int32_t count;
    const uint16_t *x, *y;
    const uint8_t *angle;
    const uint64_t *first, *second;
    const int32_t *worth, *fine_worth;
} hf_probe;

typedef struct {
    const uint8_t *coded, *angle;
    const uint32_t *start, *code_start;
    const uint64_t *codes;
} hf_references;

#endif
