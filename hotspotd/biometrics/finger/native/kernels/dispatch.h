/* Which instruction set the kernels use. One source is compiled for several; see target.h. */
#ifndef HF_DISPATCH_H
#define HF_DISPATCH_H

#define HF_EXPORT __attribute__((visibility("default")))

/* To be raised with every change to an exported function or to a layout that Python and C share. */
#define HF_ABI 2

enum { HF_BASELINE = 0, HF_AVX2 = 1, HF_AVX512 = 2 };

/* The instruction set in use, one of the above. On aarch64 always HF_BASELINE, which has NEON. */
int hf_level(void);

#endif
