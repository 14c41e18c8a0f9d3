
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Zones of counters that survive restarts, see the header.
 *
 * A save copies entries out of the zone some at a time under its short locks,
 * into a new file that then takes the place of the old one; whatever goes
 * wrong or is killed, one whole file is there.  One process at a time writes,
 * by a lock on the directory: at a reload two managers live for a moment.
 */


#include "ngx_http_gateway_counts.h"
#include "ngx_http_gateway_digest.h"
#include "gateway_counts.h"

#include <sys/file.h>


#define NGX_HTTP_GATEWAY_COUNTS_INTERVAL  10000

/* milliseconds until a save that found a lock taken is tried again */
#define NGX_HTTP_GATEWAY_COUNTS_RETRY     1000

/* of these, when it cannot be tried later */
#define NGX_HTTP_GATEWAY_COUNTS_TRIES     20
#define NGX_HTTP_GATEWAY_COUNTS_WAIT      50

/* no window is longer than a year; GCRA and sliding ones live for two */
#define NGX_HTTP_GATEWAY_COUNTS_LIFE      (3 * 366 * 86400)


/* a directory; it hangs on its path, which is how it is found */
typedef struct {
    ngx_array_t                   zones;     /* ..._zone_t * */
    int                           fd;        /* -1: not open yet */
    gateway_counts_file_t         file;      /* of the save under way */
} ngx_http_gateway_counts_dir_t;


typedef struct {
    ngx_path_t                   *path;
    ngx_http_gateway_counts_dir_t
                                 *dir;
    ngx_str_t                     name;      /* of the zone and its file */
    ngx_str_t                     full;      /* with the directory */
    ngx_str_t                     temp;      /* names in the directory */
    ngx_str_t                     aside;
    ngx_http_gateway_shm_t       *shm;
    ngx_http_gateway_counts_live_pt
                                  live;
    gateway_counts_kind_t         kind;
    gateway_digest_key_t          key;
    ngx_msec_t                    interval;
    u_char                       *buf;       /* for ..._shm_copy() */

    /* of the process that saves */

    ngx_msec_t                    due;
    uint64_t                      turns;     /* of the zone at the last save */
    unsigned                      begun:1;   /* "due" and "turns" are set */
    unsigned                      failed:1;  /* so did the last save */
} ngx_http_gateway_counts_zone_t;


static ngx_path_t *ngx_http_gateway_counts_path(ngx_array_t *paths,
    ngx_str_t *name);
static ngx_path_t *ngx_http_gateway_counts_add_path(ngx_conf_t *cf,
    ngx_str_t *name);
static void ngx_http_gateway_counts_close(void *data);
static int ngx_http_gateway_counts_open(ngx_http_gateway_counts_zone_t *zone);

static ngx_int_t ngx_http_gateway_counts_ready(void *data, ngx_uint_t fresh,
    ngx_log_t *log);
static void ngx_http_gateway_counts_load(ngx_http_gateway_counts_zone_t *zone,
    ngx_log_t *log);
static void ngx_http_gateway_counts_fill(ngx_http_gateway_counts_zone_t *zone,
    gateway_counts_file_t *file, ngx_log_t *log);
static void ngx_http_gateway_counts_ignore(
    ngx_http_gateway_counts_zone_t *zone, ngx_err_t err, const char *why,
    ngx_log_t *log);
static void ngx_http_gateway_counts_save_old(
    ngx_http_gateway_counts_zone_t *zone, ngx_log_t *log);
static int ngx_http_gateway_counts_wait(ngx_http_gateway_counts_zone_t *zone);

static ngx_msec_t ngx_http_gateway_counts_manager(void *data);
static void ngx_http_gateway_counts_timer(ngx_event_t *ev);
static ngx_int_t ngx_http_gateway_counts_save_last(
    ngx_http_gateway_counts_zone_t *zone, ngx_log_t *log);
static ngx_int_t ngx_http_gateway_counts_save(
    ngx_http_gateway_counts_zone_t *zone, ngx_log_t *log);
static ngx_int_t ngx_http_gateway_counts_write(
    ngx_http_gateway_counts_zone_t *zone, int dir, ngx_err_t *err);
static ngx_int_t ngx_http_gateway_counts_copy(
    ngx_http_gateway_counts_zone_t *zone, int fd, ngx_err_t *err);


/* configuration */

char *
ngx_http_gateway_counts_params(ngx_conf_t *cf,
    ngx_http_gateway_counts_conf_t *conf, ngx_uint_t first)
{
    ngx_int_t   interval;
    ngx_str_t  *value, s;
    ngx_uint_t  i;

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "path=", 5) == 0 && value[i].len > 5
            && conf->path.len == 0)
        {
            conf->path.len = value[i].len - 5;
            conf->path.data = value[i].data + 5;

            if (ngx_conf_full_name(cf->cycle, &conf->path, 0) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            while (conf->path.len > 1
                   && conf->path.data[conf->path.len - 1] == '/')
            {
                conf->path.data[--conf->path.len] = '\0';
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "interval=", 9) == 0
            && conf->interval == 0)
        {
            s.len = value[i].len - 9;
            s.data = value[i].data + 9;

            interval = ngx_parse_time(&s, 0);

            if (interval == NGX_ERROR || interval == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid interval \"%V\": write a time "
                                   "above 0 such as \"10s\"", &s);
                return NGX_CONF_ERROR;
            }

            conf->interval = (ngx_msec_t) interval;

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": expected "
                           "\"path=directory\" and \"interval=time\", once",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    if (conf->interval && conf->path.len == 0) {
        return "has an \"interval\", which needs a \"path\"";
    }

    conf->file_name = cf->conf_file->file.name.data;
    conf->line = cf->conf_file->line;

    if (conf->interval == 0) {
        conf->interval = NGX_HTTP_GATEWAY_COUNTS_INTERVAL;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_counts_add(ngx_conf_t *cf,
    ngx_http_gateway_counts_conf_t *conf, const char *directive,
    ngx_str_t *zone, ngx_http_gateway_shm_t *shm, size_t value_size,
    ngx_uint_t layout, ngx_http_gateway_counts_live_pt live)
{
    u_char                           *p;
    ngx_http_gateway_counts_dir_t    *dir;
    ngx_http_gateway_counts_zone_t   *z, **zp;

    if (conf->path.len == 0) {
        return NGX_OK;
    }

    if (!ngx_http_gateway_digest_is_lasting(cf)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"path\" of \"%s\" needs \"gateway_secret_file\": "
                      "counts are found again by digests under it, in %s:%ui",
                      directive, conf->file_name, conf->line);
        return NGX_ERROR;
    }

    z = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_counts_zone_t));
    if (z == NULL) {
        return NGX_ERROR;
    }

    z->path = ngx_http_gateway_counts_add_path(cf, &conf->path);
    if (z->path == NULL) {
        return NGX_ERROR;
    }

    z->name = *zone;
    z->shm = shm;
    z->live = live;
    z->interval = conf->interval;

    ngx_memcpy(z->kind.zone, zone->data,
               ngx_min(zone->len, GATEWAY_COUNTS_ZONE - 1));
    z->kind.layout = (uint32_t) layout;
    z->kind.value_size = (uint32_t) value_size;

    if (ngx_http_gateway_digest_key(cf, &z->key, GATEWAY_COUNTS_PURPOSE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    z->buf = ngx_palloc(cf->pool, NGX_HTTP_GATEWAY_SHM_COPY
                                  * ngx_http_gateway_shm_copied(value_size));

    p = ngx_pnalloc(cf->pool, z->path->name.len + 3 * zone->len
                              + sizeof("//.tmp/.old") + 2);

    if (z->buf == NULL || p == NULL) {
        return NGX_ERROR;
    }

    z->full.data = p;
    p = ngx_sprintf(p, "%V/%V%Z", &z->path->name, zone);
    z->full.len = p - z->full.data - 1;

    z->temp.data = p;
    p = ngx_sprintf(p, "%V.tmp%Z", zone);
    z->temp.len = p - z->temp.data - 1;

    z->aside.data = p;
    p = ngx_sprintf(p, "%V.old%Z", zone);
    z->aside.len = p - z->aside.data - 1;

    dir = z->path->data;
    z->dir = dir;

    zp = ngx_array_push(&dir->zones);
    if (zp == NULL) {
        return NGX_ERROR;
    }

    *zp = z;

    ngx_http_gateway_shm_ready(shm, ngx_http_gateway_counts_ready, z);

    return NGX_OK;
}


/* ours among the paths of a configuration; NULL: there is none */

static ngx_path_t *
ngx_http_gateway_counts_path(ngx_array_t *paths, ngx_str_t *name)
{
    ngx_uint_t    i;
    ngx_path_t  **path;

    path = paths->elts;

    for (i = 0; i < paths->nelts; i++) {
        if (path[i]->manager == ngx_http_gateway_counts_manager
            && path[i]->name.len == name->len
            && ngx_memcmp(path[i]->name.data, name->data, name->len) == 0)
        {
            return path[i];
        }
    }

    return NULL;
}


/* nginx makes its directory, for the user of the workers */

static ngx_path_t *
ngx_http_gateway_counts_add_path(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_path_t                     *path;
    ngx_pool_cleanup_t             *cln;
    ngx_http_gateway_counts_dir_t  *dir;

    path = ngx_http_gateway_counts_path(&cf->cycle->paths, name);

    if (path) {
        return path;
    }

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    dir = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_counts_dir_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (path == NULL || dir == NULL || cln == NULL
        || ngx_array_init(&dir->zones, cf->pool, 4, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    dir->fd = -1;

    cln->handler = ngx_http_gateway_counts_close;
    cln->data = dir;

    path->name = *name;
    path->manager = ngx_http_gateway_counts_manager;
    path->data = dir;
    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    return ngx_add_path(cf, &path) == NGX_OK ? path : NULL;
}


static void
ngx_http_gateway_counts_close(void *data)
{
    ngx_http_gateway_counts_dir_t *dir = data;

    if (dir->fd != -1) {
        (void) close(dir->fd);
    }
}


/*
 * A descriptor of its own, whose lock is not shared with other processes.  The
 * user of workers may have no right to walk to his directory, which the
 * process that read the configuration could do.
 */

static int
ngx_http_gateway_counts_open(ngx_http_gateway_counts_zone_t *zone)
{
    int  dir;

    dir = open((char *) zone->path->name.data,
               O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1 && ngx_errno == NGX_EACCES && zone->dir->fd != -1) {
        dir = openat(zone->dir->fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    }

    return dir;
}


/* reading */

static ngx_int_t
ngx_http_gateway_counts_ready(void *data, ngx_uint_t fresh, ngx_log_t *log)
{
    ngx_http_gateway_counts_zone_t *zone = data;

    char             *name;
    ngx_err_t         err;
    ngx_file_info_t   fi;

    name = (char *) zone->path->name.data;
    err = 0;

    /* root has all rights, but not everything is a place for files */

    if (stat(name, &fi) == -1 || access(name, R_OK|W_OK|X_OK) == -1) {
        err = ngx_errno;

    } else if (!S_ISDIR(fi.st_mode)) {
        err = NGX_ENOTDIR;
    }

    if (err) {
        ngx_log_error(NGX_LOG_EMERG, log, err,
                      "counts of zone \"%V\" cannot be kept in \"%V\"",
                      &zone->name, &zone->full);
        return NGX_ERROR;
    }

    if (lstat((char *) zone->full.data, &fi) == 0 && !S_ISREG(fi.st_mode)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "counts of zone \"%V\" cannot be kept in \"%V\", which "
                      "is no regular file", &zone->name, &zone->full);
        return NGX_ERROR;
    }

    if (zone->dir->fd == -1) {
        zone->dir->fd = ngx_http_gateway_counts_open(zone);
    }

    if (fresh) {
        ngx_http_gateway_counts_save_old(zone, log);
        ngx_http_gateway_counts_load(zone, log);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_counts_load(ngx_http_gateway_counts_zone_t *zone,
    ngx_log_t *log)
{
    int                     fd, dir;
    u_char                  key[GATEWAY_COUNTS_KEY];
    ngx_err_t               err;
    const char             *why;
    gateway_counts_rc_e     rc;
    gateway_counts_file_t  *file;

    dir = ngx_http_gateway_counts_wait(zone);

    fd = open((char *) zone->full.data,
              O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    err = ngx_errno;

    if (dir != -1) {
        (void) close(dir);
    }

    if (fd == -1) {

        if (err != NGX_ENOENT) {
            ngx_http_gateway_counts_ignore(zone, err, "cannot be read", log);
        }

        return;
    }

    file = &zone->dir->file;
    err = 0;

    rc = gateway_counts_open(file, fd, &zone->kind, &zone->key, key,
                             (int64_t) ngx_time());

    switch (rc) {

    case GATEWAY_COUNTS_OK:
        ngx_http_gateway_shm_set_key(zone->shm, key);
        ngx_http_gateway_counts_fill(zone, file, log);
        why = NULL;
        break;

    case GATEWAY_COUNTS_ERROR:
        err = file->error;
        why = "cannot be read";
        break;

    case GATEWAY_COUNTS_NEWER:
        why = "was written by another version or another kind of machine";
        break;

    case GATEWAY_COUNTS_FOREIGN:
        why = "was written under another secret than that of "
              "\"gateway_secret_file\"";
        break;

    case GATEWAY_COUNTS_MISPLACED:
        why = "is of another zone or another version";
        break;

    case GATEWAY_COUNTS_FUTURE:
        why = "was saved in the future, or the clock is wrong";
        break;

    case GATEWAY_COUNTS_DAMAGED:
        why = "is damaged";
        break;

    default: /* GATEWAY_COUNTS_OTHER */
        why = "is no file of counts";
        break;
    }

    ngx_explicit_memzero(key, sizeof(key));

    (void) close(fd);

    if (why) {
        ngx_http_gateway_counts_ignore(zone, err, why, log);
    }
}


/*
 * A master that ends removes its pid file before it saves for the last time:
 * whoever starts at that moment waits for a second.  The descriptor, or -1.
 */

static int
ngx_http_gateway_counts_wait(ngx_http_gateway_counts_zone_t *zone)
{
    int         dir;
    ngx_uint_t  i;

    dir = ngx_http_gateway_counts_open(zone);

    for (i = 0; dir != -1 && i < NGX_HTTP_GATEWAY_COUNTS_TRIES; i++) {

        if (flock(dir, LOCK_SH|LOCK_NB) == 0 || ngx_errno != EWOULDBLOCK) {
            break;
        }

        ngx_msleep(NGX_HTTP_GATEWAY_COUNTS_WAIT);
    }

    return dir;
}


/* no more than there is room for, whatever the file holds */

static void
ngx_http_gateway_counts_fill(ngx_http_gateway_counts_zone_t *zone,
    gateway_counts_file_t *file, ngx_log_t *log)
{
    time_t                        now;
    u_char                       *value;
    ngx_uint_t                    n, left;
    gateway_counts_rc_e           rc;
    gateway_counts_entry_t        entry;
    ngx_http_gateway_shm_copy_t   copy;

    now = ngx_time();
    value = zone->buf;
    n = 0;
    left = 0;

    for ( ;; ) {
        rc = gateway_counts_read(file, &entry, value);

        if (rc != GATEWAY_COUNTS_OK) {
            break;
        }

        if ((time_t) entry.expires <= now
            || (time_t) entry.expires - now > NGX_HTTP_GATEWAY_COUNTS_LIFE
            || (zone->live && !zone->live(value, now)))
        {
            continue;
        }

        ngx_memcpy(&copy.digest, entry.digest, sizeof(copy.digest));
        copy.expires = entry.expires;
        copy.padding = 0;

        if (ngx_http_gateway_shm_put(zone->shm, &copy, value) == NGX_OK) {
            n++;

        } else {
            left++;
        }
    }

    if (rc != GATEWAY_COUNTS_DONE) {
        ngx_log_error(NGX_LOG_WARN, log, file->error,
                      "\"%V\" was changed while it was read", &zone->full);
    }

    if (left) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"%V\" is too small for the counts in \"%V\": "
                      "%ui of them begin anew", &zone->name, &zone->full,
                      left);
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "%ui counts of zone \"%V\" go on from \"%V\"", n,
                  &zone->name, &zone->full);
}


/* the next save would replace a file that somebody may still want */

static void
ngx_http_gateway_counts_ignore(ngx_http_gateway_counts_zone_t *zone,
    ngx_err_t err, const char *why, ngx_log_t *log)
{
    int         dir;
    ngx_uint_t  moved;

    moved = 0;

    if (!ngx_test_config) {

        dir = ngx_http_gateway_counts_open(zone);

        if (dir != -1) {
            moved = renameat(dir, (char *) zone->name.data, dir,
                             (char *) zone->aside.data)
                    == 0;
            (void) close(dir);
        }
    }

    ngx_log_error(NGX_LOG_WARN, log, err,
                  "\"%V\" %s: it is %s, counts of zone \"%V\" begin anew",
                  &zone->full, why,
                  moved ? "renamed to end in \".old\"" : "ignored",
                  &zone->name);
}


/*
 * A reload that makes a new zone, since its size is another: what the old one
 * holds is newer than the file.
 */

static void
ngx_http_gateway_counts_save_old(ngx_http_gateway_counts_zone_t *zone,
    ngx_log_t *log)
{
    ngx_uint_t                        i;
    ngx_path_t                       *path;
    ngx_http_gateway_counts_dir_t    *dir;
    ngx_http_gateway_counts_zone_t  **zones;

    if (ngx_test_config) {
        return;
    }

    path = ngx_http_gateway_counts_path((ngx_array_t *) &ngx_cycle->paths,
                                        &zone->path->name);

    if (path == NULL) {
        return;
    }

    dir = path->data;
    zones = dir->zones.elts;

    for (i = 0; i < dir->zones.nelts; i++) {
        if (zones[i]->name.len == zone->name.len
            && ngx_memcmp(zones[i]->name.data, zone->name.data,
                          zone->name.len)
               == 0)
        {
            (void) ngx_http_gateway_counts_save_last(zones[i], log);
        }
    }
}


/* writing */

/* milliseconds until the next call */

static ngx_msec_t
ngx_http_gateway_counts_manager(void *data)
{
    ngx_http_gateway_counts_dir_t *dir = data;

    uint64_t                          turns;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_msec_int_t                    left, next;
    ngx_http_gateway_counts_zone_t   *zone, **zones;

    next = NGX_MAX_INT32_VALUE;
    zones = dir->zones.elts;

    for (i = 0; i < dir->zones.nelts; i++) {

        zone = zones[i];
        left = (ngx_msec_int_t) (zone->due - ngx_current_msec);

        /* the first time at once, which tells whether it can be done */

        if (!zone->begun || left <= 0) {

            turns = ngx_http_gateway_shm_turns(zone->shm);
            rc = NGX_OK;

            if (!zone->begun || zone->failed || turns != zone->turns) {
                rc = ngx_http_gateway_counts_save(zone, ngx_cycle->log);

            } else {
                ngx_http_gateway_shm_saved(zone->shm, 1);
            }

            left = (ngx_msec_int_t) zone->interval;

            if (rc == NGX_AGAIN) {
                left = ngx_min(left, NGX_HTTP_GATEWAY_COUNTS_RETRY);

            } else {
                zone->begun = 1;
                zone->turns = turns;
            }

            ngx_time_update();
            zone->due = ngx_current_msec + (ngx_msec_t) left;
        }

        next = ngx_min(next, left);
    }

    return (ngx_msec_t) next;
}


/*
 * There is neither a master nor a manager.  The timer belongs to no
 * configuration: it would outlive it, if such an nginx were reloaded.
 */

ngx_int_t
ngx_http_gateway_counts_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t     i;
    ngx_path_t   **path;

    static ngx_event_t       timer;
    static ngx_connection_t  dummy;

    if (ngx_process != NGX_PROCESS_SINGLE) {
        return NGX_OK;
    }

    path = cycle->paths.elts;

    for (i = 0; i < cycle->paths.nelts; i++) {

        if (path[i]->manager == ngx_http_gateway_counts_manager) {

            timer.handler = ngx_http_gateway_counts_timer;
            timer.data = &dummy;
            timer.log = cycle->log;
            timer.cancelable = 1;

            dummy.fd = (ngx_socket_t) -1;

            ngx_add_timer(&timer, 1);

            break;
        }
    }

    return NGX_OK;
}


static void
ngx_http_gateway_counts_timer(ngx_event_t *ev)
{
    ngx_msec_t    next, n;
    ngx_uint_t    i;
    ngx_path_t  **path;

    next = NGX_HTTP_GATEWAY_COUNTS_INTERVAL;
    path = ngx_cycle->paths.elts;

    for (i = 0; i < ngx_cycle->paths.nelts; i++) {

        if (path[i]->manager == ngx_http_gateway_counts_manager) {
            n = ngx_http_gateway_counts_manager(path[i]->data);
            next = ngx_min(next, n);
        }
    }

    ev->log = ngx_cycle->log;

    ngx_add_timer(ev, next);
}


/* workers have ended, so these counts are the last ones */

void
ngx_http_gateway_counts_exit_master(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i, k;
    ngx_path_t                      **path;
    ngx_http_gateway_counts_dir_t    *dir;
    ngx_http_gateway_counts_zone_t  **zones;

    /* what the new binary counts is newer */

    if (ngx_new_binary > 0) {
        return;
    }

    path = cycle->paths.elts;

    for (i = 0; i < cycle->paths.nelts; i++) {

        if (path[i]->manager != ngx_http_gateway_counts_manager) {
            continue;
        }

        dir = path[i]->data;
        zones = dir->zones.elts;

        for (k = 0; k < dir->zones.nelts; k++) {
            (void) ngx_http_gateway_counts_save_last(zones[k], cycle->log);
        }
    }
}


/* a save that cannot come later */

static ngx_int_t
ngx_http_gateway_counts_save_last(ngx_http_gateway_counts_zone_t *zone,
    ngx_log_t *log)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_COUNTS_TRIES; i++) {

        rc = ngx_http_gateway_counts_save(zone, log);

        if (rc != NGX_AGAIN) {
            return rc;
        }

        ngx_msleep(NGX_HTTP_GATEWAY_COUNTS_WAIT);
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "counts of zone \"%V\" are not saved to \"%V\": another "
                  "process hangs with a lock", &zone->name, &zone->full);

    return NGX_ERROR;
}


/* NGX_AGAIN: a lock is taken; NGX_ERROR: it failed, which was logged */

static ngx_int_t
ngx_http_gateway_counts_save(ngx_http_gateway_counts_zone_t *zone,
    ngx_log_t *log)
{
    int        dir;
    ngx_err_t  err;
    ngx_int_t  rc;

    /* a limit on the size of files is an error, not the end */

    (void) signal(SIGXFSZ, SIG_IGN);

    dir = ngx_http_gateway_counts_open(zone);

    if (dir == -1) {
        err = ngx_errno;
        rc = NGX_ERROR;

    } else if (flock(dir, LOCK_EX|LOCK_NB) == -1
               && ngx_errno == EWOULDBLOCK)
    {
        err = 0;
        rc = NGX_AGAIN;

    } else {
        /* where there are no such locks we go without */

        rc = ngx_http_gateway_counts_write(zone, dir, &err);
    }

    if (dir != -1) {
        (void) close(dir);
    }

    if (rc != NGX_AGAIN) {
        ngx_http_gateway_shm_saved(zone->shm, rc == NGX_OK);
    }

    if (rc == NGX_ERROR && !zone->failed) {
        zone->failed = 1;
        ngx_log_error(NGX_LOG_CRIT, log, err,
                      "counts of zone \"%V\" cannot be saved to \"%V\", a "
                      "restart would forget them", &zone->name, &zone->full);
    }

    if (rc == NGX_OK && zone->failed) {
        zone->failed = 0;
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "counts of zone \"%V\" are saved to \"%V\" again",
                      &zone->name, &zone->full);
    }

    return rc;
}


/* the directory may belong to another user: no link is followed in it */

static ngx_int_t
ngx_http_gateway_counts_write(ngx_http_gateway_counts_zone_t *zone, int dir,
    ngx_err_t *err)
{
    int               fd;
    char             *temp;
    ngx_int_t         rc;
    ngx_file_info_t   fi;

    temp = (char *) zone->temp.data;

    /* what a killed process left */

    if (unlinkat(dir, temp, 0) == -1 && ngx_errno != NGX_ENOENT) {
        *err = ngx_errno;
        return NGX_ERROR;
    }

    fd = openat(dir, temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        *err = ngx_errno;
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (fstat(dir, &fi) == -1
        || (geteuid() == 0 && fchown(fd, fi.st_uid, fi.st_gid) == -1))
    {
        *err = ngx_errno;
        goto done;
    }

    rc = ngx_http_gateway_counts_copy(zone, fd, err);

    if (rc != NGX_OK) {
        goto done;
    }

    if (fsync(fd) == -1
        || renameat(dir, temp, dir, (char *) zone->name.data) == -1)
    {
        *err = ngx_errno;
        rc = NGX_ERROR;
        goto done;
    }

    /* where directories cannot be synchronised, they need not be */

    (void) fsync(dir);

done:

    (void) close(fd);

    if (rc != NGX_OK) {
        (void) unlinkat(dir, temp, 0);
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_counts_copy(ngx_http_gateway_counts_zone_t *zone, int fd,
    ngx_err_t *err)
{
    u_char                       *p, key[GATEWAY_COUNTS_KEY];
    time_t                        now;
    ngx_int_t                     rc;
    ngx_uint_t                    i, n, at;
    gateway_counts_rc_e           crc;
    gateway_counts_file_t        *file;
    gateway_counts_entry_t        entry;
    ngx_http_gateway_shm_copy_t  *copy;

    now = ngx_time();
    file = &zone->dir->file;
    at = 0;

    ngx_http_gateway_shm_get_key(zone->shm, key);

    crc = gateway_counts_create(file, fd, &zone->kind, &zone->key, key,
                                (int64_t) now);

    ngx_explicit_memzero(key, sizeof(key));

    do {
        rc = ngx_http_gateway_shm_copy(zone->shm, &at, zone->buf, &n);

        if (rc == NGX_BUSY) {
            return NGX_AGAIN;
        }

        p = zone->buf;

        for (i = 0; i < n && crc == GATEWAY_COUNTS_OK; i++) {

            copy = (ngx_http_gateway_shm_copy_t *) p;
            p += ngx_http_gateway_shm_copied(zone->kind.value_size);

            if (zone->live && !zone->live(copy + 1, now)) {
                continue;
            }

            ngx_memcpy(entry.digest, &copy->digest, sizeof(entry.digest));
            entry.expires = copy->expires;
            entry.padding = 0;

            crc = gateway_counts_write(file, &entry, copy + 1);
        }

    } while (rc == NGX_AGAIN && crc == GATEWAY_COUNTS_OK);

    if (crc == GATEWAY_COUNTS_OK) {
        crc = gateway_counts_finish(file);
    }

    if (crc != GATEWAY_COUNTS_OK) {
        *err = file->error;
        return NGX_ERROR;
    }

    return NGX_OK;
}
