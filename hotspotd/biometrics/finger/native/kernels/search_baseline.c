#define HF_FOR_BASELINE
#include "search_kernels.h"
