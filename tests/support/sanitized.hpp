// Which sanitizers are built in, for the tests that must know.
#pragma once

#if defined(__clang__)
#if __has_feature(address_sanitizer)
#define IS_ADDRESS_SANITIZED 1
#elif __has_feature(thread_sanitizer)
#define IS_THREAD_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define IS_ADDRESS_SANITIZED 1
#elif defined(__SANITIZE_THREAD__)
#define IS_THREAD_SANITIZED 1
#endif

#if !defined(IS_ADDRESS_SANITIZED)
#define IS_ADDRESS_SANITIZED 0
#endif
#if !defined(IS_THREAD_SANITIZED)
#define IS_THREAD_SANITIZED 0
#endif

// Both bring operators new and delete of their own, which stay with what they allocated: a test that replaces them to
// count does so in other builds only.
#define HAS_SANITIZER_ALLOCATOR (IS_ADDRESS_SANITIZED || IS_THREAD_SANITIZED)
