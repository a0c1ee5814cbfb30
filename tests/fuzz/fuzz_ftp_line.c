/* Any bytes as command lines, as arguments of PORT and EPRT and as names in a path: limits hold, nothing is
 * read or written past an end, and what is accepted looks like what it was accepted as. */
#include "ftp_identity.h"
#include "ftp_line.h"
#include "ftp_port.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void read_commands(const uint8_t *data, size_t size)
{
    struct ftp_line line;
    struct ftp_command command;
    size_t taken = 1;
    for (size_t at = 0; at < size && taken; at += taken) {
        enum ftp_line_status status = ftp_line_read(data + at, size - at, &line, &taken);
        must(taken <= size - at);
        must((taken > 0) == (status == FTP_LINE_READY || status == FTP_LINE_BAD));
        if (status != FTP_LINE_READY)
            continue;
        must(line.len <= FTP_COMMAND_MAX && strlen(line.text) == line.len);
        must(!strpbrk(line.text, "\r\n"));
        ftp_line_parse(&line, &command);
        must(strlen(command.verb) <= FTP_VERB_MAX);
        must(command.argument >= line.text || *command.argument == '\0');
    }
}

static void read_ports(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"192.0.2.1", "2001:db8::1"};
    char text[FTP_COMMAND_MAX + 1];
    struct addr client, out;
    struct err err;
    if (size >= sizeof text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < 2; i++) {
        must(addr_parse_host(hosts[i], &client, &err));
        if (ftp_port_read(text, &client, &out) == FTP_PORT_OK)
            must(addr_same_host(&out, &client) && addr_port(&out) >= 1024);
        if (ftp_port_read_extended(text, &client, &out) == FTP_PORT_OK)
            must(addr_same_host(&out, &client) && addr_port(&out) >= 1024);
    }
}

static void read_names(const uint8_t *data, size_t size)
{
    char text[FTP_COMMAND_MAX + 1], out[64];
    if (size >= sizeof text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ftp_identity_directory("/home/%u", text, out, sizeof out))
        must(strncmp(out, "/home/", 6) == 0 && !strpbrk(out + 6, "/\r\n") && strcmp(out + 6, "..") != 0);
    (void)ftp_identity_directory(text, "acme", out, sizeof out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    read_ports(data, size);
    read_names(data, size);
    read_commands(data, size);
    return 0;
}
