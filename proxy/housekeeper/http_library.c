#include "http_library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The name that stands for the binary interface of the header that this was compiled with. */
static const char file_name[] = "libmicrohttpd.so.12";

static struct http_library library;

#define FUNCTION(name)                                                                                       \
    {                                                                                                        \
        "MHD_" #name, offsetof(struct http_library, name)                                                    \
    }

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
    FUNCTION(start_daemon),        FUNCTION(stop_daemon),    FUNCTION(create_response_from_buffer),
    FUNCTION(add_response_header), FUNCTION(queue_response), FUNCTION(destroy_response),
};

static bool find_functions(void *handle)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *found = dlsym(handle, functions[i].name);

        if (!found)
            return false;
        memcpy((char *)&library + functions[i].offset, &found, sizeof found);
    }
    return true;
}

const struct http_library *http_library_load(struct err *err)
{
    static void *handle;
    static bool complete;

    if (complete)
        return &library;
    if (!handle)
        handle = dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
    complete = handle && find_functions(handle);
    if (complete)
        return &library;
    err_set(err, "%s: %s", file_name, handle ? "a function is missing" : dlerror());
    return NULL;
}
