/* The database objects of drivers that are open in this process: one for each address, shared by its sessions. */
#pragma once

#include "connect/adbc/driver.h"
#include "connect/adbc/session.h"

struct database {
    struct AdbcDriver driver;
    struct AdbcDatabase handle;
    bool is_open;    /* handle is to be released */
    bool is_reading; /* as its address */
    bool is_spoiled; /* nobody else gets it */
    int sessions;
    char *driver_path, *entry;
    char **names; /* of the settings, as they were told */
    struct secret *values;
    int count;
    struct database *next;
};

/* One that is open already, or a new one. RC_BUSY: this process has it open for reading. Other errors: adbc_open. */
RC database_take(const struct adbc_address *address, struct database **ret, struct error *err);
/* The last to give it closes it. */
void database_give(struct database *self);
