#define HF_FOR_AVX2
#include "search_kernels.h"

#include "target_end.h"
