#include "board_kit.h"

#include "pack.h"
#include "sealed.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

#define KIT_LISTENER(alias, port, keystore)                                                                  \
    "{ alias = \"" alias "\"; protocol = \"tls\"; bind = \"127.0.0.1:" port "\"; keystore = \"" keystore     \
    "\"; key-alias = \"k\"; backend = \"127.0.0.1:1\"; }"

const char kit_configuration[] =
    "keystores = ( { alias = \"edge\"; directory = \"/nowhere\"; signers = 3; },"
    "{ alias = \"files\"; directory = \"/nowhere\"; signers = 2; } );\n"
    "listeners = (" KIT_LISTENER("a", "4001", "edge") "," KIT_LISTENER("b", "4002", "edge") ");\n";

const char kit_configuration_turned[] =
    "keystores = ( { alias = \"files\"; directory = \"/nowhere\"; signers = 2; },"
    "{ alias = \"edge\"; directory = \"/nowhere\"; signers = 3; } );\n"
    "listeners = (" KIT_LISTENER("b", "4001", "edge") "," KIT_LISTENER("new", "4002", "files") ");\n";

int kit_seal(const char *text)
{
    struct buf packed;
    struct err err;
    int fd;

    buf_init(&packed, 65536);
    assert_true(pack_u32(&packed, 1) && pack_text(&packed, "p11gate.conf") &&
                pack_bytes(&packed, text, strlen(text)));
    fd = sealed_new("configuration", buf_data(&packed), buf_len(&packed), &err);
    assert_true(fd >= 0);
    buf_free(&packed);
    return fd;
}

void kit_configure(struct board *board, const char *text)
{
    struct err err = {.text = ""};
    int fd = kit_seal(text);

    if (!board_configure(board, fd, &err))
        fail_msg("%s", err.text);
    close(fd);
}

size_t kit_page_size(enum grant_kind kind)
{
    return kind == GRANT_WORKER_PAGE   ? sizeof(struct counters_page)
           : kind == GRANT_SIGNER_PAGE ? sizeof(struct signer_page)
                                       : sizeof(struct counters_history);
}

void *kit_page(struct board *board, enum grant_kind kind, uint32_t index)
{
    struct err err = {.text = ""};
    struct grant grant = {
        .kind = kind, .index = index, .fd = counters_new("page", kit_page_size(kind), &err)};
    void *memory = counters_map(grant.fd, kit_page_size(kind), &err);

    assert_non_null(memory);
    if (!board_add_page(board, &grant, &err))
        fail_msg("%s", err.text);
    close(grant.fd);
    return memory;
}
