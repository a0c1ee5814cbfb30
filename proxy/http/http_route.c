#include "http_route.h"

#include <string.h>

static bool fits(const struct conf_route *route, const char *path, size_t len)
{
    size_t prefix = strlen(route->path);

    if (prefix > len || memcmp(route->path, path, prefix) != 0)
        return false;
    return prefix == len || path[prefix] == '/' || route->path[prefix - 1] == '/';
}

const struct conf_route *http_route_find(const struct conf_listener *listener, const char *target, size_t len)
{
    const char *query = len ? memchr(target, '?', len) : NULL;
    size_t path_len = query ? (size_t)(query - target) : len;
    const char *path = path_len ? target : "/";

    if (!path_len)
        path_len = 1;
    for (size_t i = 0; i < listener->route_count; i++)
        if (fits(&listener->routes[i], path, path_len))
            return &listener->routes[i];
    return NULL;
}

bool http_route_takes(const struct conf_route *route, const char *method, size_t len)
{
    if (!route->method_count)
        return true;
    for (size_t i = 0; i < route->method_count; i++)
        if (strlen(route->methods[i]) == len && memcmp(route->methods[i], method, len) == 0)
            return true;
    return false;
}

bool http_route_same_backends(const struct conf_backends *a, const struct conf_backends *b)
{
    if (a == b)
        return true;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i].text, b->items[i].text) != 0)
            return false;
    return true;
}
