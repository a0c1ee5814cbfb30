#include "pin_source.h"

#include "pin_terminal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool pin_source_is_person(const struct conf_keystore *keystore)
{
    return !keystore->directory[0] && !keystore->pin_file[0] && !keystore->pin_credential[0];
}

static bool credential_read(const char *name, uid_t signer_uid, struct pin *out, struct err *err)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    int len;

    if (!folder || folder[0] != '/') {
        err_set(err, "no credentials were passed (LoadCredential=%s:... in the systemd unit)", name);
        return false;
    }
    len = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (strchr(name, '/') || name[0] == '.' || len < 0 || (size_t)len >= sizeof path) {
        err_set(err, "it is the name of a credential, not a path");
        return false;
    }
    return pin_credential_read(path, signer_uid, out, err);
}

bool pin_source_read(const struct pin_source *source, const struct conf_keystore *keystore, uid_t signer_uid,
                     struct pin *out, struct err *err)
{
    bool taken = true;

    *out = (struct pin){0};
    if (keystore->pin_file[0]) {
        taken = pin_file_read(keystore->pin_file, signer_uid, out, err);
        if (!taken)
            err_context(err, "pin-file");
    } else if (keystore->pin_credential[0]) {
        taken = credential_read(keystore->pin_credential, signer_uid, out, err);
        if (!taken)
            err_context(err, "pin-credential = \"%s\"", keystore->pin_credential);
    } else if (pin_source_is_person(keystore) && source->known) {
        taken = pin_copy(source->known, out, err);
    } else if (pin_source_is_person(keystore) && source->may_ask && isatty(STDIN_FILENO)) {
        taken = pin_terminal_ask(keystore->alias, keystore->token, out, err);
    }
    return taken;
}
