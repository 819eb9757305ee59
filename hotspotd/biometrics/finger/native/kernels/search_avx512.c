#define HF_FOR_AVX512
#include "search_kernels.h"

#include "target_end.h"
