/* The kernels of one instruction set, as a table that search.c chooses from. */

#include "search.h"
#include "search_body.h"

#ifndef HF_SKIP

const hf_search_kernels HF_NAME(hf_search) = {HF_NAME(encode), HF_NAME(scan), HF_NAME(fit)};

#endif
