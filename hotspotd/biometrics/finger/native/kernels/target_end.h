/* Include last in a source that begins with target.h: ends what that one opened. */
#if defined(__clang__) && defined(__x86_64__) && !defined(HF_FOR_BASELINE)
#pragma clang attribute pop
#endif
