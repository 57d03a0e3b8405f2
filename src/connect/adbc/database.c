#include "connect/adbc/database.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over the list, and over opening and closing */
static struct database *open_databases;

/* The same driver with the same first `count` settings. */
static bool is_alike(const struct database *self, const struct adbc_address *address, int count)
{
    const struct secret_map *settings = address->settings;
    if (self->is_spoiled || !text_eq(self->driver_path, address->driver) || !text_eq(self->entry, address->entry))
        return false;
    for (int i = 0; i < count; i++) {
        if (!text_eq(self->names[i], settings->names[i]) ||
            !text_eq(secret_reveal(&self->values[i]), secret_reveal(&settings->secrets[i])))
            return false;
    }
    return true;
}

static bool is_as_good(const struct database *self, const struct adbc_address *address)
{
    int count = address->settings->count;
    if (address->is_reading && !self->is_reading && self->count == count - 1)
        return is_alike(self, address, count - 1);
    return address->is_reading == self->is_reading && self->count == count && is_alike(self, address, count);
}

/* An engine that has a file open for reading cannot have it a second time for writing. */
static bool is_in_the_way(const struct database *self, const struct adbc_address *address)
{
    int count = address->settings->count;
    return self->is_reading && !address->is_reading && self->count == count + 1 && is_alike(self, address, count);
}

/* Settings that a driver does not know are the configuration's fault, whatever it calls that. */
static RC set(struct database *self, const struct adbc_address *address, int i, struct error *err)
{
    struct AdbcError said = {0};
    const char *name = address->settings->names[i];
    AdbcStatusCode status =
        self->driver.DatabaseSetOption(&self->handle, name, secret_reveal(&address->settings->secrets[i]), &said);
    if (status == ADBC_STATUS_OK)
        return RC_OK;
    if (said.release != NULL)
        said.release(&said);
    fail(err, RC_CONFIG, "'%s': the driver does not take the option '%s' (status %d)", address->shown, name, status);
    return fail_todo(err, "its documentation has the options that it knows");
}

static RC open_database(struct database *self, const struct adbc_address *address, struct error *err)
{
    struct AdbcError said = {0};
    TRY(driver_load(address->driver, address->entry, address->driver_todo, &self->driver, err));
    self->handle.private_driver = &self->driver;
    AdbcStatusCode status = self->driver.DatabaseNew(&self->handle, &said);
    if (status != ADBC_STATUS_OK)
        return driver_fail(status, &said, address->shown, err);
    self->is_open = true;
    for (int i = 0; i < address->settings->count; i++)
        TRY(set(self, address, i, err));
    status = self->driver.DatabaseInit(&self->handle, &said);
    return status == ADBC_STATUS_OK ? RC_OK : driver_fail(status, &said, address->shown, err);
}

static void free_database(struct database *self)
{
    struct AdbcError said = {0};
    if (self->is_open)
        self->driver.DatabaseRelease(&self->handle, &said);
    if (said.release != NULL)
        said.release(&said);
    driver_release(&self->driver);
    for (int i = 0; i < self->count; i++) {
        free(self->names[i]);
        secret_release(&self->values[i]);
    }
    free(self->names);
    free(self->values);
    free(self->driver_path);
    free(self->entry);
    free(self);
}

static struct database *new_database(const struct adbc_address *address)
{
    const struct secret_map *settings = address->settings;
    struct database *self = xcalloc(1, sizeof(*self));
    self->driver_path = xstrdup(address->driver);
    self->entry = xstrdup(address->entry);
    self->is_reading = address->is_reading;
    self->names = xcalloc((size_t)settings->count + 1, sizeof(*self->names));
    self->values = xcalloc((size_t)settings->count + 1, sizeof(*self->values));
    for (self->count = 0; self->count < settings->count; self->count++) {
        self->names[self->count] = xstrdup(settings->names[self->count]);
        secret_set(&self->values[self->count], str(secret_reveal(&settings->secrets[self->count])));
    }
    return self;
}

static RC take_locked(const struct adbc_address *address, struct database **ret, struct error *err)
{
    struct database *found = NULL;
    for (struct database *open = open_databases; open != NULL; open = open->next) {
        if (is_in_the_way(open, address))
            return fail(err, RC_BUSY, "'%s': this process is reading it", address->shown);
        if (found == NULL && is_as_good(open, address))
            found = open;
    }
    if (found == NULL) {
        found = new_database(address);
        if (open_database(found, address, err) != RC_OK) {
            free_database(found);
            return err->rc;
        }
        found->next = open_databases;
        open_databases = found;
    }
    found->sessions++;
    *ret = found;
    return RC_OK;
}

RC database_take(const struct adbc_address *address, struct database **ret, struct error *err)
{
    pthread_mutex_lock(&lock);
    enum rc rc = take_locked(address, ret, err);
    pthread_mutex_unlock(&lock);
    return rc;
}

void database_give(struct database *self)
{
    pthread_mutex_lock(&lock);
    if (--self->sessions == 0) {
        struct database **at = &open_databases;
        while (*at != self)
            at = &(*at)->next;
        *at = self->next;
        free_database(self);
    }
    pthread_mutex_unlock(&lock);
}
