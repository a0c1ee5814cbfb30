/*
 * What changes in a running worker without a new generation: the policy, the ticket secrets, whose pages are
 * counted with ours.
 */
#pragma once

#include "worker_setup.h"

/* The policy of a configuration in sealed memory; NULL: err. */
struct policy *worker_read_policy(int configuration, struct err *err);

/* A new policy was granted: every service takes it. */
bool worker_take_policy(struct worker *worker, struct err *err);

/* From the granted memory; before the services are made, and again when newer ones were granted. */
bool worker_read_secrets(struct worker *worker, struct err *err);
bool worker_take_secrets(struct worker *worker, struct err *err);
bool worker_give_secrets(struct worker *worker, struct service *service, struct err *err);

/* The page of another worker was granted; our own is left out. */
bool worker_take_peer(struct worker *worker, uint32_t number, struct err *err);

/* A service's client has failed to log in. */
void worker_login_failed(void *owner, size_t listener, const struct addr *peer);
