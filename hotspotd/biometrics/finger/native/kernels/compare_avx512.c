#define HF_FOR_AVX512
#include "target.h"

#ifndef HF_SKIP
#include "compare_kernel.h"
#endif

#include "target_end.h"
