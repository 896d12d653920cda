// What the fuzzers ask of AddressSanitizer: a short memory of what was freed, since little is alive at once, and
// nothing that costs a lot in programs that throw often.
extern "C" const char* __asan_default_options();

const char* __asan_default_options() {
    return "quarantine_size_mb=16:detect_stack_use_after_return=0:malloc_context_size=8";
}
