/* A print made ready for comparison: one block of memory, read only once made, that holds no pointers.
 *
 * Header, then `padded` floats x and y [px], `padded` bytes each of direction [1/256 turn], certainty 1..100 and
 * usable 0/1, then for each eight minutiae HF_WORDS rows of eight 64-bit words (the cylinders, one minutia in each column), then the
 * ridge field, `rows` times `columns` bytes. All parts begin at multiples of 64 bytes. cylinders.py reads and makes
 * the same block.
 */
#ifndef HF_PRINT_H
#define HF_PRINT_H

#include <stdint.h>

#define HF_MOST 160        /* minutiae */
#define HF_LANES 8         /* minutiae in a group */
#define HF_SIDE 18         /* cells along the side of the square around the disc (NS) */
#define HF_SECTORS 4       /* sections of relative direction (ND) */
#define HF_MASK_WORDS 4    /* 256 cells of the disc */
#define HF_BIT_WORDS 16    /* of each sector */
#define HF_WORDS (HF_BIT_WORDS + HF_MASK_WORDS)
#define HF_FIELD_STEP 16   /* [px] between samples of the ridge field */
#define HF_FIELD_NONE 255  /* no print there */
#define HF_FIELD_TURNS 250 /* steps of the ridge line's direction in half a turn */
#define HF_MOST_FIELD 126  /* samples along a side: 2000 px */

typedef struct {
    uint32_t bytes;  /* of the whole block */
    uint16_t count;  /* minutiae */
    uint16_t padded; /* the same, rounded up to 16 */
    uint16_t usable; /* minutiae whose cylinder says something */
    uint16_t rows, columns; /* of the ridge field; 0 where there is none */
    uint16_t reserved[25];
} hf_print;

static inline const float *hf_x(const hf_print *p) { return (const float *)(p + 1); }
static inline const float *hf_y(const hf_print *p) { return hf_x(p) + p->padded; }
static inline uint32_t hf_round_64(uint32_t bytes) { return (bytes + 63) & ~63u; }
static inline const uint8_t *hf_direction(const hf_print *p) { return (const uint8_t *)(hf_y(p) + p->padded); }
static inline const uint8_t *hf_certainty(const hf_print *p) { return hf_direction(p) + hf_round_64(p->padded); }
static inline const uint8_t *hf_usable(const hf_print *p) { return hf_certainty(p) + hf_round_64(p->padded); }
static inline const uint64_t *hf_cylinders(const hf_print *p)
{
    return (const uint64_t *)(hf_usable(p) + hf_round_64(p->padded));
}
static inline const uint8_t *hf_field(const hf_print *p)
{
    return (const uint8_t *)(hf_cylinders(p) + (uint32_t)p->padded * HF_WORDS);
}
static inline uint32_t hf_print_bytes(uint32_t padded, uint32_t rows, uint32_t columns)
{
    return (uint32_t)sizeof(hf_print) + padded * 8 + 3 * hf_round_64(padded) + padded * HF_WORDS * 8 +
           hf_round_64(rows * columns);
}

#endif
