#include "conf_check.h"
#include "conf_content.h"
#include "conf_keys.h"
#include "conf_partners.h"
#include "conf_resolve_listener.h"

#include <sched.h>
#include <string.h>

enum { WORKERS_MAX = 64 };

static uint32_t one_a_core(void)
{
    cpu_set_t cores;
    int count;

    if (sched_getaffinity(0, sizeof cores, &cores) < 0)
        return 1;
    count = CPU_COUNT(&cores);
    return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (uint32_t)count;
}

static void resolve_server(const struct conf_reader *reader, struct conf *conf)
{
    conf->workers = reader->server.workers ? reader->server.workers : one_a_core();
    conf->user = reader->server.user;
    conf->signer_user = reader->server.signer_user;
    conf->stop_timeout_ms = reader->server.stop_timeout_ms;
    conf->drain_timeout_ms = reader->server.drain_timeout_ms;
    conf->max_generations = reader->server.max_generations;
    conf->admin_enabled = reader->admin.bind.set;
    conf->admin_bind = reader->admin.bind.addr;
    conf->control_socket = reader->admin.control_socket;
    conf->admin_group = reader->admin.group;
    conf->log_level = (enum log_level)reader->log.level;
    conf->log_target = reader->log.target;
    conf->log_json = reader->log.format;
    conf->partners_dir = reader->server.partners_dir;
    conf->shape = "";
}

static void resolve_keystores(struct conf_reader *reader, struct conf *conf)
{
    for (size_t i = 0; i < reader->keystore_count; i++) {
        conf->keystores[i] = reader->keystores[i].value;
        conf->keystores[i].line = reader->keystores[i].given.line;
    }
    conf->keystore_count = reader->keystore_count;
}

static void resolve_truststores(struct conf_reader *reader, struct conf *conf)
{
    for (size_t i = 0; i < reader->truststore_count; i++) {
        const struct conf_truststore_block *block = &reader->truststores[i];
        struct conf_truststore *out = &conf->truststores[i];
        struct conf_content content = {CONF_BLOCK_TRUSTSTORE, &block->given, "ca-file", block->value.ca_file};

        *out = block->value;
        out->line = block->given.line;
        out->crl_policy = (enum conf_crl_policy)block->crl_policy;
        out->crl_pem = "";
        if (conf_is_usable(CONF_BLOCK_TRUSTSTORE, &block->given, "ca-file"))
            out->ca_pem = conf_content_certificates(reader, &content, &out->ca_pem_len);
        content.option = "crl-file";
        content.path = out->crl_file;
        if (content.path[0])
            out->crl_pem = conf_content_crl(reader, &content, &out->crl_pem_len);
    }
    conf->truststore_count = reader->truststore_count;
}

static bool allocate(struct conf_reader *reader, struct conf *conf)
{
    struct conf_memory *memory = reader->place.memory;

    conf->keystores = conf_memory_array(memory, reader->keystore_count, sizeof conf->keystores[0]);
    conf->truststores = conf_memory_array(memory, reader->truststore_count, sizeof conf->truststores[0]);
    conf->listeners = conf_memory_array(memory, reader->listener_count, sizeof conf->listeners[0]);
    if (conf->keystores && conf->truststores && conf->listeners)
        return true;
    conf_report_add(&reader->report, 0, "", "out of memory");
    return false;
}

void conf_resolve(struct conf_reader *reader, struct conf *conf)
{
    if (!allocate(reader, conf))
        return;
    resolve_server(reader, conf);
    resolve_keystores(reader, conf);
    resolve_truststores(reader, conf);
    conf_partners_resolve(reader, conf);
    for (size_t i = 0; i < reader->listener_count; i++)
        conf_resolve_listener(reader, conf, &reader->listeners[i], &conf->listeners[i]);
    conf->listener_count = reader->listener_count;
    for (size_t i = 0; i < conf->keystore_count; i++)
        conf_keys_number(reader, conf, i);
}
