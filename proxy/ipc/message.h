/*
 * What the supervisor and its children say to each other over a channel. A payload is packed
 * (pack.h) in the order given here.
 */
#pragma once

#include "buf.h"
#include "channel.h"

#include <stdbool.h>
#include <stdint.h>

enum message_type {
    /* supervisor -> child */
    MESSAGE_GRANT = 1, /* u32 count, then count x { u32 grant_kind, u32 index }: one a descriptor */
    MESSAGE_START,     /* (empty): everything was granted; set up, sandbox, answer MESSAGE_READY */
    MESSAGE_STOP, /* u32 stop_ms: take no more work, end what is between two things, the rest within this time
                     (0: now) */
    MESSAGE_DRAIN,    /* u32 drain_ms: take no more connections (others do); what is connected goes on as if
                         nothing    had happened until it ends or drain_ms is over, which is a MESSAGE_STOP */
    MESSAGE_KEYSTORE, /* u32 keystore, u8 can_sign: the token went away or came back */
    MESSAGE_GONE,   /* u32 grant_kind, u32 index: housekeeper: a page that was granted is nobody's any more */
    MESSAGE_TARGET, /* (one descriptor) housekeeper: the new log target after USR1 */
    MESSAGE_BACKEND,  /* u8 enabled, text: worker: a backend (as the configuration writes it) is to get no new
                         sessions, or may have them again */
    MESSAGE_LISTENER, /* u8 enabled, text: worker: the listener of this alias closes its sockets (those of an
                         enabled one are granted again) */
    MESSAGE_KICK,     /* u64 session: worker: end it */

    /* child -> supervisor */
    MESSAGE_READY = 64,   /* (empty) */
    MESSAGE_FAULT,        /* u32 exit code, text: cannot go on; the text is for a person */
    MESSAGE_INVENTORY,    /* (one descriptor) signer: sealed memory, see inventory.h */
    MESSAGE_SIGNER_STATE, /* u32 enum signer_state, text */
    MESSAGE_QUEUE_BROKEN, /* u32 keystore: worker: sending to the signers' queue failed */
    MESSAGE_LOGIN_FAILED, /* u32 listener, 16 bytes: worker: a login from this address (bans.h) was refused */
};

/* A granted descriptor: what it is. Each may be granted at the start and again later (the newer counts). */
enum grant_kind {
    GRANT_CONFIGURATION = 1, /* sealed: struct conf_files (worker, housekeeper) */
    GRANT_SECRETS,           /* sealed: ticket secrets of 80 bytes, the newest first (worker) */
    GRANT_COUNTERS,          /* shared memory: struct counters_page (worker) or signer_page (signer) */
    GRANT_LOG,               /* stream socket to the housekeeper (every child but the housekeeper) */
    GRANT_LOG_SOURCE,        /* housekeeper: the other end of a GRANT_LOG */
    GRANT_LOG_TARGET,        /* housekeeper: where lines are written; index 1: as JSON, until a configuration
                                says otherwise */
    GRANT_QUEUE, /* index = keystore: the end of the signers' queue to send to (worker) or take from (signer)
                  */
    GRANT_INVENTORY,    /* index = keystore: sealed: what its signers offer (worker) */
    GRANT_LISTENER,     /* index = number of the bind address over all enabled listeners (worker) */
    GRANT_SIGNER_START, /* sealed: signer_start.h (signer) */
    GRANT_WORKER_PAGE,  /* index: a number of its own: housekeeper: a worker's counters_page */
    GRANT_SIGNER_PAGE,  /* index = keystore << 16 | signer: housekeeper: a signer's signer_page */
    GRANT_HISTORY_PAGE, /* housekeeper: the supervisor's counters_history: what dead processes had counted */
    GRANT_ADMIN,        /* housekeeper: the listening socket of admin.bind; absent: no HTTP */
    GRANT_POLICY,    /* sealed: struct conf_files of which only the policy counts (worker, after its start) */
    GRANT_HOSTS,     /* sealed: 0: the bytes of /etc/hosts, 1: of /etc/resolv.conf (worker) */
    GRANT_BANS,      /* read-only: struct bans (worker) */
    GRANT_PEER_PAGE, /* index: its number; read-only: the counters_page of another worker (worker) */
    GRANT_PIN,       /* a pipe with the PIN, closed behind it; absent for `directory` (signer) */
    GRANT_LOGIN_GATE, /* shared memory: login_gate.h; absent for `directory` (signer) */
};

enum signer_state {
    SIGNER_STARTING,   /* loading the module */
    SIGNER_LOGGING_IN, /* inside C_Login: never to be signalled before its own deadline */
    SIGNER_READY,
    SIGNER_BUSY,
    SIGNER_ABSENT, /* the token is not there: exits, to be started again later */
    SIGNER_FAULTY, /* a token fault: exits, to be started again */
};

/* What a child's exit code means to the supervisor. */
enum child_exit {
    CHILD_EXIT_OK = 0,
    CHILD_EXIT_CONFIGURATION = 1, /* starting again will not help */
    CHILD_EXIT_AGAIN = 75,        /* start me again */
    CHILD_EXIT_FULL = 76,         /* the same: the token had no session free */
    CHILD_EXIT_PIN = 77,          /* the token refused the PIN: never try again */
};

struct grant {
    enum grant_kind kind;
    uint32_t index;
    int fd; /* borrowed when sending, owned when received */
};

/* Sends MESSAGE_GRANT with up to CHANNEL_FDS_MAX grants. */
enum channel_result message_send_grants(int channel, const struct grant *grants, size_t count);

/* Takes a MESSAGE_GRANT apart; false when malformed (descriptors are closed then). */
bool message_read_grants(struct channel_message *message, struct grant *out, size_t max, size_t *count);

/* MESSAGE_FAULT and MESSAGE_SIGNER_STATE carry a number and a text. */
enum channel_result message_send_text(int channel, enum message_type type, uint32_t number, const char *text);
bool message_read_text(const struct channel_message *message, uint32_t *number, const char **text);
