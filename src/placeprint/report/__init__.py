"""Result to something a person looks at."""
