#include "io/aws_credentials.h"

void aws_credentials_release(struct aws_credentials *self)
{
    secret_release(&self->secret_key);
    secret_release(&self->session_token);
    *self = (struct aws_credentials){0};
}
