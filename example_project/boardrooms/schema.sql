-- The tables as they were made years ago, kept beside the models and not looked at since.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email varchar(320) NOT NULL UNIQUE CONSTRAINT users_email_format
        CHECK (email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'),
    hashed_password varchar(100) NOT NULL,
    full_name varchar(100) NOT NULL CONSTRAINT users_full_name_length CHECK (length(full_name) >= 2),
    is_active boolean NOT NULL,
    is_verified boolean NOT NULL
);

CREATE TABLE boardrooms (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    name varchar(200) NOT NULL CONSTRAINT boardrooms_name_length CHECK (length(name) >= 1),
    max_participants integer NOT NULL CONSTRAINT boardrooms_max_participants
        CHECK (max_participants BETWEEN 2 AND 50),
    is_active boolean NOT NULL
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    boardroom_id uuid NOT NULL REFERENCES boardrooms,
    user_id uuid NOT NULL REFERENCES users,
    title varchar(200) NOT NULL,
    status varchar(20) NOT NULL CONSTRAINT sessions_status
        CHECK (status IN ('active', 'completed', 'paused', 'cancelled')),
    started_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT sessions_dates CHECK (ended_at IS NULL OR ended_at >= started_at)
);

CREATE TABLE threads (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions,
    user_id uuid NOT NULL,
    type varchar(20) NOT NULL CONSTRAINT threads_type
        CHECK (type IN ('discussion', 'decision', 'action_item', 'note')),
    priority integer NOT NULL CONSTRAINT threads_priority CHECK (priority BETWEEN 1 AND 5),
    status varchar(20) NOT NULL CONSTRAINT threads_status CHECK (status IN ('active', 'closed', 'archived'))
);
