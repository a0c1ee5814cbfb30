/*
 * libmicrohttpd, loaded by the housekeeper when it has pages to serve, and by nobody else: linked, it would
 * stand in the memory of supervisor and workers too, and with it GnuTLS and p11-kit (docs/adr/0006).
 */
#pragma once

#include "err.h"

#include <microhttpd.h>

/* The functions that are used, by their names without MHD_. */
struct http_library {
    __typeof__(MHD_start_daemon) *start_daemon;
    __typeof__(MHD_stop_daemon) *stop_daemon;
    __typeof__(MHD_create_response_from_buffer) *create_response_from_buffer;
    __typeof__(MHD_add_response_header) *add_response_header;
    __typeof__(MHD_queue_response) *queue_response;
    __typeof__(MHD_destroy_response) *destroy_response;
};

/* Loads it once and keeps it; opens files. NULL when it is not installed. */
const struct http_library *http_library_load(struct err *err);
