#define HF_FOR_BASELINE
#include "search_kernels.h"

#include "target_end.h"
