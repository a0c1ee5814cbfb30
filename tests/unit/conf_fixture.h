/* Configurations from memory, for the tests of conf. */
#pragma once

#include "conf.h"

/* Files that a test makes up; ends with path NULL. */
struct fixture_file {
    const char *path, *text;
    size_t len; /* 0: that of the text */
};

/* As a worker gets them. Fails the test when it cannot. */
struct conf_files *fixture_files(const struct fixture_file *list);

/* A configuration that must be right; what is wrong fails the test and is printed. */
struct conf *fixture_read(struct conf_files *files, const char *path);

/* The whole of a file on disk, NUL-terminated; the caller frees it. */
char *fixture_slurp(const char *path);

/* A file on disk with these bytes. */
void fixture_write(const char *path, const void *bytes, size_t len);

/* Something that looks like a certificate. */
#define FIXTURE_CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"

#define FIXTURE_CRL "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"

/* Text and length of what looks like an OCSP response: SEQUENCE { ENUMERATED 0 }. */
#define FIXTURE_OCSP "\x30\x03\x0a\x01\x00", 5
