/*
 * The listening socket of `p11gate ctl`: AF_UNIX, mode 0660, of admin.group, in a directory that is made when
 * only it is missing. Supervisor only; blocks on files and the user database.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

enum { CONTROL_PATH_MAX = 108 }; /* what an AF_UNIX address holds */

struct control_socket {
    int fd; /* -1: none */
    char path[CONTROL_PATH_MAX];
    bool has_group; /* group: who may use it beside root */
    gid_t group;
    dev_t device; /* so that only our own file is removed */
    ino_t inode;
};

#define CONTROL_SOCKET_NONE ((struct control_socket){.fd = -1})

/* group: an admin.group that does not exist is left out, has_group says so. A socket file that nobody listens
 * at is replaced. */
bool control_socket_open(const char *path, const char *group, struct control_socket *out, struct err *err);

/* Another group may use it from now on. */
void control_socket_regroup(struct control_socket *control, const char *group);

/* Closes it and removes its file. */
void control_socket_close(struct control_socket *control);

/* root, who we run as, or a member of the group. */
bool control_socket_allows(const struct control_socket *control, int client);
